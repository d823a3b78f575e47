import { ListFilter } from "lucide-react";
import { Button, Segments } from "../look/Controls";
import { count, counted } from "../look/format";
import { Menu } from "../look/Menu";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";

const ways = [
  { value: "highlight", label: "Highlight" },
  { value: "hide", label: "Hide the rest" },
] as const;

/** A filter over the graph: a part of id, name or model, or a condition of the query language. */
export function FilterMenu() {
  const { filter } = usePage();
  const text = useCell(filter.text);
  const hides = useCell(filter.hides);
  const result = useCell(filter.result);
  return (
    <Menu
      icon={<ListFilter size={16} aria-hidden />}
      name="Filter"
      says={
        <>
          <span className="secondary word">Filter</span>
          {result ? (
            <span className="number">{count(result.twins)}</span>
          ) : (
            <span className="word">none</span>
          )}
        </>
      }
      edged
      testId="filter"
      look="filter-menu"
    >
      <input
        className="input mono"
        data-testid="filter-input"
        aria-label="Filter"
        placeholder="room, or temperature > 22"
        spellCheck={false}
        value={text}
        aria-invalid={result?.problem ? true : undefined}
        onChange={(event) => filter.text.set(event.target.value)}
      />
      <Segments
        label="What becomes of the rest"
        value={hides ? "hide" : "highlight"}
        options={ways}
        onChange={(way) => filter.hides.set(way === "hide")}
      />
      <p className="secondary" data-testid="filter-told" aria-live="polite">
        {result
          ? `${counted(result.twins, "twin")} by ${result.condition ? "condition" : "text"}`
          : "A part of id, name or model; or a condition as in WHERE, like IS_OF_MODEL('…') AND temperature > 22."}
      </p>
      {result?.problem && <p className="secondary filter-problem">{result.problem}</p>}
      {text !== "" && <Button onClick={() => filter.clear()}>Clear the filter</Button>}
    </Menu>
  );
}
