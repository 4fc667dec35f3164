/** Who may do what with an app, as the Platform API tells and changes it: collaborators, the owner, and the tokens and keys that
 *  people come with. */
import type { Question } from "./exchange.ts";
import type { KeyItem, KeyRequest } from "./key-resources.ts";
import { appPath } from "./paths.ts";
import type { TokenItem, TokenRequest } from "./token-resources.ts";

export interface CollaboratorItem {
  user: { email: string };
  role: "owner" | "collaborator";
  permissions: { name: string }[];
  created_at: string;
}

export type Change = <T>(method: Question["method"], path: string, body?: unknown) => Promise<T>;

export class AccessCalls {
  readonly #get: <T>(path: string) => Promise<T>;
  readonly #change: Change;

  constructor(get: <T>(path: string) => Promise<T>, change: Change) {
    this.#get = get;
    this.#change = change;
  }

  /** The owner first. */
  list = (app: string): Promise<CollaboratorItem[]> => this.#get(appPath(app, "collaborators"));
  /** @param permissions the usual ones when left out */
  add = (app: string, email: string, permissions: string[] | undefined): Promise<CollaboratorItem> =>
    this.#change("POST", appPath(app, "collaborators"), { user: email, permissions });
  update = (app: string, email: string, permissions: string[]): Promise<CollaboratorItem> =>
    this.#change("PATCH", appPath(app, "collaborators", email), { permissions });
  remove = (app: string, email: string): Promise<CollaboratorItem> =>
    this.#change("DELETE", appPath(app, "collaborators", email));
  /** To another owner. */
  transfer = (app: string, email: string): Promise<unknown> => this.#change("PATCH", appPath(app), { owner: email });

  /** Who asks. */
  account = (): Promise<{ email: string; name: string }> => this.#change("GET", "/account");
  /** In PEM: what a client of the rendezvous has to trust. */
  certificate = async (): Promise<string> => (await this.#get<{ certificate: string }>("/rendezvous")).certificate;
  tokens = (): Promise<TokenItem[]> => this.#get("/oauth/authorizations");
  createToken = (request: TokenRequest): Promise<TokenItem> => this.#change("POST", "/oauth/authorizations", request);
  /** By its id or a beginning of that. */
  revokeToken = (id: string): Promise<TokenItem> =>
    this.#change("DELETE", `/oauth/authorizations/${encodeURIComponent(id)}`);
  /** The one that this is asked with. */
  async revokeOwn(token: string): Promise<void> {
    const own = (await this.tokens()).find(({ access_token: access }) => access?.token === token);
    if (own !== undefined) await this.revokeToken(own.id);
  }
  keys = (): Promise<KeyItem[]> => this.#get("/account/keys");
  addKey = (request: KeyRequest): Promise<KeyItem> => this.#change("POST", "/account/keys", request);
  /** By its fingerprint or comment. */
  removeKey = (which: string): Promise<KeyItem> => this.#change("DELETE", `/account/keys/${encodeURIComponent(which)}`);
}
