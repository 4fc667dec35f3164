/** /apps/A/collaborators: who may do what with an app, in Heroku's shape. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { parsePermissions, PERMISSIONS, sameAddress, USUAL_PERMISSIONS, type Collaborator } from "../core/access.ts";
import {
  accessOf,
  addCollaborator,
  noCollaborator,
  removeCollaborator,
  updateCollaborator,
} from "../platform/access.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { outlive } from "./door.ts";
import { demand } from "./permit.ts";
import { MANAGE } from "./permissions.ts";
import { idOf, iso, person, type Resource } from "./resources.ts";

type CollaboratorParams = AppParams & { name: string };

const permissions = {
  type: "array",
  maxItems: 20,
  items: { type: "string", maxLength: 40 },
  description: "of `view`, `deploy`, `operate`, `manage`",
} as const;
const addBody = {
  type: "object",
  required: ["user"],
  examples: [{ user: "kate@foobazco.com" }],
  properties: { user: { type: "string", maxLength: 320, description: "an address" }, permissions },
} as const;
const updateBody = {
  type: "object",
  required: ["permissions"],
  examples: [{ permissions: ["view", "deploy"] }],
  properties: { permissions },
} as const;

export function collaboratorRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/collaborators",
    { schema: { summary: "Who may do what, the owner first" } },
    async (request) => (await everybody(platform.app(request.params.app))).map(({ resource }) => resource),
  );

  server.get<{ Params: CollaboratorParams }>(
    "/apps/:app/collaborators/:name",
    { schema: { summary: "One person, by address or id" } },
    async (request) => find(platform.app(request.params.app), request.params.name).then(({ resource }) => resource),
  );

  server.post<{ Params: AppParams; Body: { user: string; permissions?: string[] } }>(
    "/apps/:app/collaborators",
    { schema: { summary: "Adds somebody; without permissions: view, deploy, operate", body: addBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { user, permissions: asked } = request.body;
      const order = { email: user, permissions: asked === undefined ? USUAL_PERMISSIONS : parsePermissions(asked) };
      const added = await addCollaborator(platform, app, order, callerOf(request));
      void reply.status(201);
      return collaboratorResource(app, added);
    },
  );

  server.patch<{ Params: CollaboratorParams; Body: { permissions: string[] } }>(
    "/apps/:app/collaborators/:name",
    { schema: { summary: "Gives other permissions", body: updateBody } },
    async (request) => {
      const app = platform.app(request.params.app);
      const { email } = await find(app, request.params.name);
      outlive(request);
      const order = { email, permissions: parsePermissions(request.body.permissions) };
      return collaboratorResource(app, await updateCollaborator(app, order, callerOf(request)));
    },
  );

  server.delete<{ Params: CollaboratorParams }>(
    "/apps/:app/collaborators/:name",
    { schema: { summary: "Answers them as they were; anybody may leave, 403 for the owner" } },
    async (request) => {
      const app = platform.app(request.params.app);
      const { email } = await find(app, request.params.name);
      if (!isSelf(request, email)) await demand(platform, request, app, MANAGE);
      outlive(request);
      return collaboratorResource(app, await removeCollaborator(app, email, callerOf(request)));
    },
  );
}

function isSelf(request: FastifyRequest, email: string): boolean {
  return sameAddress(callerOf(request).by.email) === email;
}

interface Found {
  email: string;
  resource: Resource;
}

/** The owner first. */
async function everybody(app: App): Promise<Found[]> {
  const { owner, collaborators } = await accessOf(app);
  const { createdAt } = await app.ledger.get(1);
  const others = [...collaborators.values()].filter(({ email }) => email !== owner);
  const first = { email: owner, resource: formatResource(app, { email: owner, at: iso(createdAt), role: "owner" }) };
  return [first, ...others.map((one) => ({ email: one.email, resource: collaboratorResource(app, one) }))];
}

function collaboratorResource(app: App, { email, at, permissions: names }: Collaborator): Resource {
  return formatResource(app, { email, at, role: "collaborator", permissions: names });
}

interface Shown {
  email: string;
  at: string;
  role: "owner" | "collaborator";
  permissions?: Collaborator["permissions"];
}

function formatResource(app: App, { email, at, role, permissions: names = PERMISSIONS }: Shown): Resource {
  return {
    app: { id: app.id, name: app.name },
    created_at: at,
    id: idOf(app.id, "collaborator", email),
    permissions: [...names].sort().map((name) => ({ name })),
    role,
    updated_at: at,
    user: { ...person(email), federated: false },
  };
}

/** By address, by the person's id or by its own. */
async function find(app: App, name: string): Promise<Found> {
  const address = sameAddress(name);
  const found = (await everybody(app)).find(({ email, resource }) =>
    [email, person(email)["id"], resource["id"]].includes(address),
  );
  if (found === undefined) throw noCollaborator();
  return found;
}
