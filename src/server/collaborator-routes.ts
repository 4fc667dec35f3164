/** /apps/A/collaborators: who may change an app. There is one so far, its owner. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { idOf, iso, person, type Resource } from "./resources.ts";

type CollaboratorParams = AppParams & { name: string };

const addBody = {
  type: "object",
  required: ["user"],
  properties: { user: { type: "string", maxLength: 320 } },
} as const;

export function collaboratorRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>("/apps/:app/collaborators", async (request) => [
    await owner(platform.app(request.params.app)),
  ]);

  server.get<{ Params: CollaboratorParams }>("/apps/:app/collaborators/:name", (request) =>
    find(platform.app(request.params.app), request.params.name),
  );

  server.post<{ Params: AppParams }>("/apps/:app/collaborators", { schema: { body: addBody } }, (request) => {
    const { name } = platform.app(request.params.app);
    throw new AppError("invalid_params", `${name} cannot be shared yet: it has its owner alone.`, {
      hint: "Whoever may log in as the platform's user, or has a token of it, works on all of its apps.",
    });
  });

  server.delete<{ Params: CollaboratorParams }>("/apps/:app/collaborators/:name", async (request) => {
    const app = platform.app(request.params.app);
    await find(app, request.params.name);
    throw new AppError("forbidden", `The owner of ${app.name} cannot be removed.`, {
      hint: `To give the app up: git heroku destroy --app ${app.name}`,
    });
  });
}

async function owner(app: App): Promise<Resource> {
  const { by, createdAt } = await app.ledger.get(1);
  return {
    app: { id: app.id, name: app.name },
    created_at: iso(createdAt),
    id: idOf(app.id, "collaborator", by.email),
    permissions: [],
    role: "owner",
    updated_at: iso(createdAt),
    user: { ...person(by.email), federated: false },
  };
}

/** By address, by the person's id or by its own. */
async function find(app: App, name: string): Promise<Resource> {
  const found = await owner(app);
  const { email } = (await app.ledger.get(1)).by;
  if ([email, person(email)["id"], found["id"]].includes(name)) return found;
  throw new AppError("not_found", "Couldn't find that collaborator.", { resource: "collaborator" });
}
