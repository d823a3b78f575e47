import { ListFilter } from "lucide-react";
import { Popover } from "radix-ui";
import { Button, Segments } from "../look/Controls";
import { count, counted } from "../look/format";
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
    <Popover.Root>
      <Popover.Trigger
        className="button"
        data-testid="filter"
        aria-label="Filter"
        title="Filter the graph"
      >
        <ListFilter size={16} aria-hidden />
        <span className="secondary word">Filter</span>
        {result ? (
          <span className="number">{count(result.twins)}</span>
        ) : (
          <span className="word">none</span>
        )}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="explore-menu filter-menu"
          align="start"
          sideOffset={4}
          collisionPadding={8}
          aria-label="Filter"
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
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
