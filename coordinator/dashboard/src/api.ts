// Asking the service. A token, where one is needed, stays in this tab: it goes with it.

import {signal} from '@preact/signals';

import {capitalized} from '../../web/src/format';

const kTokenKey = 'ballast.token';

export const token = signal(sessionStorage.getItem(kTokenKey) ?? '');
// Why a token is asked for; undefined: none is.
export const refusal = signal<string | undefined>(undefined);

export function useToken(text: string): void {
  if (text === '') sessionStorage.removeItem(kTokenKey);
  else sessionStorage.setItem(kTokenKey, text);
  refusal.value = undefined;
  token.value = text;
}

export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

// `path` is below /api/v1. Throws Refused, with the service's own sentence, or what fetch() throws
// when there is no service.
export async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  const sent = token.value;
  if (sent !== '') headers.set('Authorization', `Bearer ${sent}`);
  const response = await fetch(`api/v1${path}`, {...options, headers});
  if (response.ok) return response;
  const body = (await response.json().catch(() => undefined)) as
    | {error?: {message?: string}}
    | undefined;
  const message = capitalized(
    body?.error?.message ?? `the service answered ${response.status}, and did not say why`,
  );
  if (response.status === 401 && sent === token.value) refusal.value = message;
  throw new Refused(response.status, message);
}

export async function askJson<T>(path: string, options: RequestInit = {}): Promise<T> {
  return (await (await ask(path, options)).json()) as T;
}
