import { Copy } from "lucide-react";
import { usePage } from "../store/usePage";
import { IconButton } from "./Controls";
import { copyText } from "./copy";
import { count } from "./format";

/** More characters than this cost more to lay out than anybody reads. */
const most = 60_000;
const tokens = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*|true|false|null)|([{}[\],])/g;

interface Piece {
  text: string;
  look: "key" | "value" | "mark" | "space";
}

/** Cuts JSON text into pieces of one look each. */
export function jsonPieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(tokens)) {
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), look: "space" });
    const [whole, quoted, colon, literal] = match;
    if (quoted && colon) {
      pieces.push({ text: quoted, look: "key" }, { text: colon, look: "mark" });
    } else pieces.push({ text: whole, look: quoted || literal ? "value" : "mark" });
    end = match.index + whole.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), look: "space" });
  return pieces;
}

/** A value as JSON, indented. */
export const Json = ({ value }: { value: unknown }) => (
  <JsonText text={JSON.stringify(value, null, 2) ?? ""} />
);

/** JSON text in grey steps: punctuation, keys, values. */
export function JsonText({ text }: { text: string }) {
  return (
    <pre className="json mono selectable">
      {jsonPieces(text.slice(0, most)).map((piece, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no name but their place
        <span key={at} className={`json-${piece.look}`}>
          {piece.text}
        </span>
      ))}
      {text.length > most && (
        <span className="json-mark">{`\n… ${count(text.length - most)} more characters, copy has them all`}</span>
      )}
    </pre>
  );
}

export function CopyJson({ value, what }: { value: unknown; what: string }) {
  const { notices } = usePage();
  const copy = async () => {
    const copied = await copyText(JSON.stringify(value, null, 2));
    if (copied) notices.say(`Copied ${what}`);
    else
      notices.say("The clipboard cannot be used. Select the text and copy it.", { failed: true });
  };
  return <IconButton icon={Copy} label={`Copy ${what}`} onClick={copy} />;
}
