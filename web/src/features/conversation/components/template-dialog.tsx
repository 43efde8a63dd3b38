import type { FormEvent } from 'react';
import type { Pending } from '../../../realtime/thread';
import { Button } from '../../../ui/button';
import { Dialog } from '../../../ui/dialog';
import { composerWords as words } from '../composer-strings';

interface TemplateDialogProps {
  onClose: () => void;
  onSend: (template: NonNullable<Pending['template']>) => void;
}

/** Sends a template that the provider has approved. */
export function TemplateDialog({ onClose, onSend }: TemplateDialogProps) {
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const params = String(form.get('params') ?? '')
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
    onSend({ name: String(form.get('name')).trim(), language: String(form.get('language')).trim(), params });
    onClose();
  };
  return (
    <Dialog open onClose={onClose} title={words.template} description={words.templateText}>
      <form onSubmit={onSubmit} className="space-y-4">
        <label className="block">
          <span className="mb-1 block text-sm font-medium">{words.templateName}</span>
          <input name="name" required autoComplete="off" spellCheck={false} className="field" />
        </label>
        <label className="block">
          <span className="mb-1 block text-sm font-medium">{words.templateLanguage}</span>
          <input
            name="language"
            required
            defaultValue="en"
            autoComplete="off"
            spellCheck={false}
            className="field"
          />
        </label>
        <label className="block">
          <span className="mb-1 block text-sm font-medium">{words.templateParams}</span>
          <textarea name="params" rows={3} className="field" />
        </label>
        <Button type="submit" kind="primary">
          {words.send}
        </Button>
      </form>
    </Dialog>
  );
}
