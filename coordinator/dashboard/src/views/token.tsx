// Asks for a token when the service wants one.

import {useEffect, useRef} from 'preact/hooks';

import {refusal, token, useToken} from '../api';

export function TokenPrompt() {
  const dialog = useRef<HTMLDialogElement>(null);
  const why = refusal.value;
  useEffect(() => {
    if (why !== undefined && !dialog.current!.open) dialog.current!.showModal();
    if (why === undefined) dialog.current!.close();
  }, [why]);
  return (
    <dialog ref={dialog} aria-labelledby="token-title" onCancel={(event) => event.preventDefault()}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const text = String(new FormData(event.currentTarget).get('token') ?? '').trim();
          if (text !== '') useToken(text);
          event.currentTarget.reset();
        }}
      >
        <h2 id="token-title">This service asks for a token</h2>
        {token.value !== '' && why !== undefined && (
          <p class="problem" role="alert">
            {why}
          </p>
        )}
        <p>
          Whoever runs the service makes one with{' '}
          <code>ballast keys --token NAME --role ROLE FILE</code> It stays in this tab.
        </p>
        <label class="field">
          <span>Token</span>
          <input type="password" name="token" autocomplete="off" required />
        </label>
        <div class="actions">
          <button type="submit" class="action strong">
            Use it
          </button>
        </div>
      </form>
    </dialog>
  );
}
