import { Toast } from '@base-ui/react/toast';
import { CircleAlert, X } from 'lucide-react';
import { buttonClass } from './button';

export const manager = Toast.createToastManager();

function List() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root
      key={toast.id}
      toast={toast}
      data-toast=""
      swipeDirection={['down', 'right']}
      className="w-full rounded-xl bg-ink text-bg shadow-pop transition duration-200 data-ending-style:opacity-0 data-limited:hidden data-starting-style:translate-y-3 data-starting-style:opacity-0"
    >
      <Toast.Content className="flex items-center gap-2.5 py-1.5 pr-1.5 pl-3.5">
        {toast.type === 'error' ? <CircleAlert aria-hidden="true" className="size-4 shrink-0" /> : null}
        <div className="min-w-0 flex-1 py-1">
          <Toast.Title className="text-sm font-medium" />
          <Toast.Description className="text-sm opacity-85" />
        </div>
        <Toast.Action className="h-8 rounded-lg px-2.5 text-sm font-semibold hover:bg-bg/15" />
        <Toast.Close aria-label="Dismiss" className={buttonClass('inverse', 'icon')}>
          <X aria-hidden="true" className="size-4" />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}

/** Messages about what was done or failed. */
export function ToastList() {
  return (
    <Toast.Provider toastManager={manager} limit={3}>
      <Toast.Portal>
        <Toast.Viewport className="fixed inset-x-4 top-3 z-60 flex max-w-sm flex-col gap-2 outline-none md:top-auto md:right-auto md:bottom-4 md:left-22 md:w-96">
          <List />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}
