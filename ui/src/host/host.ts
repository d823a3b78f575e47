import type { Request } from "../wire/Request";
import type { Response } from "../wire/Response";

/** Everything that the page needs of the machine that it runs on. The only door to the backend. */
export interface Host {
  call(request: Request): Promise<Response>;
  /** Lets the user pick a folder; `null` where they changed their mind. */
  pickFolder(title: string): Promise<string | null>;
  /** Lets the user pick a file; `null` where they changed their mind. */
  pickFile(title: string, extensions: string[]): Promise<string | null>;
}
