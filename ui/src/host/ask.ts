import type { Failure } from "../wire/Failure";
import type { Request } from "../wire/Request";
import type { Response } from "../wire/Response";
import type { Host } from "./host";

type Answer<T extends Response["type"]> = Extract<Response, { type: T }>;

/** The backend understood the request and refused it. */
export class Refused extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

/** Asks, and takes only the answer that belongs to the request. Throws `Refused` on `failed`. */
export async function ask<T extends Response["type"]>(
  host: Host,
  request: Request,
  type: T,
): Promise<Answer<T>> {
  const response = await host.call(request);
  if (isAnswer(response, type)) return response;
  if (response.type === "failed") throw new Refused(response);
  throw new Error(`The backend answered ${response.type} to ${request.type}. Restart Twinscope.`);
}

function isAnswer<T extends Response["type"]>(response: Response, type: T): response is Answer<T> {
  return response.type === type;
}

/** What went wrong, whatever was thrown. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof Refused) return thrown.failure;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: "NoAnswer", message, details: [] };
}
