import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Provider } from 'oidc-provider';

export interface Client {
  issuer: string;
  id: string;
  secret: string;
  redirectUri: string;
}

const page = (uid: string) => `<!doctype html><html lang="en"><title>Example ID</title>
<form method="post" action="/interaction/${uid}"><label>Address <input name="email"></label><button>Sign in</button></form>`;

async function body(request: IncomingMessage): Promise<URLSearchParams> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return new URLSearchParams(Buffer.concat(parts).toString());
}

/** The page of the provider where people say who they are; it believes them. */
async function interact(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { uid, session, grantId, params } = await provider.interactionDetails(request, response);
  if (session) {
    const wanted = { accountId: session.accountId, clientId: String(params.client_id) };
    const grant = (grantId ? await provider.Grant.find(grantId) : undefined) ?? new provider.Grant(wanted);
    grant.addOIDCScope(String(params.scope));
    const consent = { grantId: await grant.save() };
    await provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
  } else if (request.method === 'POST') {
    const accountId = (await body(request)).get('email') ?? '';
    await provider.interactionFinished(request, response, { login: { accountId } });
  } else {
    response.setHeader('Content-Type', 'text/html').end(page(uid));
  }
}

/** A real OpenID Connect provider on the issuer's port. Whoever comes has the address that they type, verified. */
export async function startProvider(client: Client): Promise<Server> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const provider = new Provider(client.issuer, {
    clients: [{ client_id: client.id, client_secret: client.secret, redirect_uris: [client.redirectUri] }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, email: sub, email_verified: true, name: sub.split('@')[0] }),
    }),
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
    cookies: { keys: ['signs the cookies of this test'] },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
  });
  const answer = provider.callback();
  const server = createServer((request, response) => {
    if (!request.url?.startsWith('/interaction/')) return void answer(request, response);
    interact(provider, request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  const { hostname, port } = new URL(client.issuer);
  await new Promise<void>((listening) => server.listen(Number(port), hostname, listening));
  return server;
}
