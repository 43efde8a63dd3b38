import type { Session } from './session';

/** An answer of the hub that is not a success, in the words of `application/problem+json`. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string | null,
    readonly nextStep: string | null,
  ) {
    super(detail ?? title);
    this.name = 'ApiError';
  }
}

/** The hub did not answer at all. */
export class OfflineError extends Error {
  constructor() {
    super('The hub does not answer.');
    this.name = 'OfflineError';
  }
}

let csrf = '';
let workspace = '';

/** Remembers what the writes and the workspace header need. */
export function keepTokens(session: Session | null): void {
  csrf = session?.csrf ?? '';
  workspace = session?.workspace_id ?? '';
}

/** Headers that every call to the hub carries. */
export function baseHeaders(): Record<string, string> {
  return workspace ? { 'X-Workspace': workspace } : {};
}

/** Names the workspace in an address that the browser opens by itself, where no header can. */
export const workspaceQuery = (): string => query({ workspace });

export interface CallOptions {
  body?: unknown;
  /** Makes a repeated write do its work once. */
  key?: string;
  signal?: AbortSignal;
}

async function problem(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as Record<string, string | null>;
    return new ApiError(
      response.status,
      body.code ?? 'error',
      body.title ?? response.statusText,
      body.detail ?? null,
      body.next_step ?? null,
    );
  } catch {
    return new ApiError(
      response.status,
      'error',
      response.statusText || `HTTP ${response.status}`,
      null,
      null,
    );
  }
}

/** Calls `/api/v1` and reads the answer; fails with `ApiError` or `OfflineError`. */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json', ...baseHeaders() };
  if (method !== 'GET') {
    if (csrf) headers['X-CSRF'] = csrf;
    headers['Idempotency-Key'] = options.key ?? crypto.randomUUID();
  }
  let body: BodyInit | undefined;
  if (options.body instanceof FormData) {
    body = options.body;
  } else if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json';
    body = JSON.stringify(options.body);
  }
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new OfflineError();
  }
  if (!response.ok) throw await problem(response);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export const get = <T>(path: string, signal?: AbortSignal) => call<T>('GET', path, signal ? { signal } : {});
export const post = <T>(path: string, body?: unknown, key?: string) =>
  call<T>('POST', path, { body: body ?? {}, ...(key ? { key } : {}) });
export const patch = <T>(path: string, body: unknown) => call<T>('PATCH', path, { body });
export const del = <T>(path: string) => call<T>('DELETE', path);

/** Builds `?a=b` from what is set. */
export function query(params: Record<string, string | number | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : '';
}

/** What to tell a person about any failure: one line and, where there is one, what to do. */
export function explain(error: unknown): { title: string; nextStep: string | null } {
  if (error instanceof ApiError) return { title: error.detail ?? error.title, nextStep: error.nextStep };
  if (error instanceof OfflineError) {
    return {
      title: 'The hub does not answer.',
      nextStep: 'Check your connection; nothing you wrote is lost.',
    };
  }
  return { title: error instanceof Error ? error.message : 'Something went wrong.', nextStep: null };
}
