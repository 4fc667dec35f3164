/** Takes the API's TCP port on the loopback: the one asked for, else the one used before, else 5001, else any free one. */
import type { Home } from "../platform/home.ts";
import type { Journal } from "../platform/journal.ts";
import { TcpDoor } from "../server/tcp-door.ts";
import { planPorts, portTaken, rememberPort } from "./ports.ts";

const PORT_DEFAULT = 5001;
const VARIABLE = "GIT_HEROKU_API_PORT";

export interface ApiPortRequest {
  home: Home;
  journal: Journal;
  env: Readonly<Record<string, string | undefined>>;
}

/** Whoever knocks waits until the door is opened.
 *  @throws AppError unavailable when a port that was asked for is taken */
export async function takeApiPort({ home, journal, env }: ApiPortRequest): Promise<TcpDoor> {
  const asked = env["GIT_HEROKU_API_PORT"];
  const wish = { name: "api", variable: VARIABLE, asked, usual: PORT_DEFAULT } as const;
  const { ports, isFixed, before } = await planPorts(home, wish);
  for (const port of ports) {
    try {
      const door = await TcpDoor.listen(port);
      if (door.port !== before) await rememberPort({ home, journal }, "api", door.port);
      return door;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      if (isFixed) throw portTaken(VARIABLE, port);
      journal.note(`port ${String(port)} is taken by another program, the API uses another one`);
    }
  }
  throw portTaken(VARIABLE, 0);
}
