import type { Failure } from "../wire/Failure";
import type { Request } from "../wire/Request";
import type { Answer, Host } from "./host";

type AnswerOf<T extends Answer["type"]> = Extract<Answer, { type: T }>;

/** The backend understood the request and refused it. */
export class Refused extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

/** Asks, and takes only the answer that belongs to the request. Throws `Refused` on `failed`. */
export async function ask<T extends Answer["type"]>(
  host: Host,
  request: Request,
  type: T,
): Promise<AnswerOf<T>> {
  const response = await host.call(request);
  if (isAnswer(response, type)) return response;
  if (response.type === "failed") throw new Refused(response);
  throw new Error(`The backend answered ${response.type} to ${request.type}. Restart Twinscope.`);
}

function isAnswer<T extends Answer["type"]>(response: Answer, type: T): response is AnswerOf<T> {
  return response.type === type;
}

/** What went wrong, whatever was thrown. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof Refused) return thrown.failure;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: "NoAnswer", message, details: [] };
}
