import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Providers } from './app/providers';
import './styles.css';

// The link printed on the first start may carry its path behind a `#`.
if (location.hash.startsWith('#/')) history.replaceState(null, '', location.hash.slice(1));

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Providers />
    </StrictMode>,
  );
}
