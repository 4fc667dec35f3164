/** /account/keys: SSH keys, as Heroku has them. Everybody sees and removes their own, on the platform's own socket those of
 *  all. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AccessKey } from "../core/access-key.ts";
import type { Platform } from "../platform/platform.ts";
import { outlive } from "./door.ts";
import { holderOf, isSeenBy } from "./holder.ts";
import { idOf, iso, type Resource } from "./resources.ts";

interface KeyParams {
  name: string;
}

interface NewKey {
  public_key: string;
  user?: string | null;
}

const addBody = {
  type: "object",
  required: ["public_key"],
  examples: [{ public_key: "ssh-ed25519 AAAA… kate@laptop" }],
  properties: {
    public_key: { type: "string", maxLength: 20_000 },
    user: {
      type: ["string", "null"],
      maxLength: 400,
      description: "whose it is: from an admin anybody, from others only themselves",
    },
  },
} as const;

export function keyRoutes(server: FastifyInstance, platform: Platform): void {
  server.get("/account/keys", { schema: { summary: "One's own SSH keys, on the socket all" } }, (request) =>
    platform.keys.list().filter(isSeenBy(request)).map(keyResource),
  );

  server.get<{ Params: KeyParams }>(
    "/account/keys/:name",
    { schema: { summary: "One of them, by fingerprint, id or comment" } },
    (request) => keyResource(find(platform, request)),
  );

  server.post<{ Body: NewKey }>(
    "/account/keys",
    { schema: { summary: "Adds an SSH key; one that is there already is answered the same", body: addBody } },
    async (request, reply) => {
      const { public_key: text, user } = request.body;
      const added = await platform.keys.add(text, holderOf(request, user ?? undefined));
      void reply.status(201);
      return keyResource(added);
    },
  );

  server.delete<{ Params: KeyParams }>(
    "/account/keys/:name",
    { schema: { summary: "Removes it, and answers it as it was; it lets nobody in any more" } },
    async (request) => {
      const { fingerprint } = find(platform, request);
      // Whoever removes the key by which they have come hears that it is done.
      outlive(request);
      return keyResource(await platform.keys.remove(fingerprint, isSeenBy(request)));
    },
  );
}

/** By fingerprint, id or comment. */
function find({ keys }: Platform, request: FastifyRequest<{ Params: KeyParams }>): AccessKey {
  const { name } = request.params;
  const isSeen = isSeenBy(request);
  const byId = keys.list().find((key) => isSeen(key) && keyId(key) === name);
  return byId ?? keys.find(name, isSeen);
}

function keyId({ fingerprint }: AccessKey): string {
  return idOf("key", fingerprint);
}

function keyResource(key: AccessKey): Resource {
  const { fingerprint, publicKey, comment, owner, addedAt } = key;
  return {
    comment,
    created_at: iso(addedAt),
    email: owner.email,
    fingerprint,
    id: keyId(key),
    public_key: comment === "" ? publicKey : `${publicKey} ${comment}`,
    updated_at: iso(addedAt),
  };
}
