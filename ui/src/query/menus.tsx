import { Bookmark, Download, History, Trash2 } from "lucide-react";
import { DropdownMenu, Popover } from "radix-ui";
import { useState } from "react";
import { Button, IconButton, Tooltip } from "../look/Controls";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import { useQuery } from "./useQuery";

/** Queries that were run, the last first. */
export function PastMenu() {
  const { queries } = usePage();
  const query = useQuery();
  const past = useCell(queries.past);
  return (
    <DropdownMenu.Root>
      <Tooltip text="Queries that were run">
        <DropdownMenu.Trigger className="icon-button" aria-label="History" data-testid="query-past">
          <History size={16} aria-hidden />
        </DropdownMenu.Trigger>
      </Tooltip>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu query-menu" align="end" sideOffset={4}>
          {past.length === 0 && <p className="menu-label secondary">No query was run yet.</p>}
          {past.map((text) => (
            <DropdownMenu.Item
              key={text}
              className="menu-item mono"
              title={text}
              onSelect={() => query.text.set(text)}
            >
              <span className="ellipsis">{text.replace(/\s+/g, " ")}</span>
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

/** Queries that are kept with this graph, under names. */
export function SavedMenu() {
  const { queries } = usePage();
  const tab = useQuery();
  const saved = useCell(queries.saved);
  const text = useCell(tab.text);
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const none = name.trim() === "" || text.trim() === "";
  const entries = Object.entries(saved);
  const keep = () => {
    if (none) return;
    void queries.save(name.trim());
    setName("");
  };
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Tooltip text="Kept queries">
        <Popover.Trigger
          className="icon-button"
          aria-label="Kept queries"
          data-testid="query-saved"
        >
          <Bookmark size={16} aria-hidden />
        </Popover.Trigger>
      </Tooltip>
      <Popover.Portal>
        <Popover.Content
          className="popover query-menu"
          align="end"
          sideOffset={4}
          collisionPadding={8}
          aria-label="Kept queries"
        >
          {entries.length === 0 && (
            <p className="secondary">
              No query is kept yet. Kept ones go into views.json with the workspace.
            </p>
          )}
          {entries.map(([each, query]) => (
            <div key={each} className="explore-row">
              <Button
                look="quiet"
                title={query}
                onClick={() => {
                  tab.text.set(query);
                  queries.rename(tab, each);
                  setOpen(false);
                }}
              >
                <span className="ellipsis">{each}</span>
              </Button>
              <IconButton
                icon={Trash2}
                label={`Forget ${each}`}
                onClick={() => void queries.forget(each)}
              />
            </div>
          ))}
          <form
            className="explore-row"
            onSubmit={(event) => {
              event.preventDefault();
              keep();
            }}
          >
            <input
              className="input"
              placeholder="Name"
              aria-label="Name of the query"
              maxLength={60}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
            <Button disabled={none} onClick={keep}>
              Keep
            </Button>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

/** All rows into a file. */
export function ExportMenu() {
  const query = useQuery();
  return (
    <DropdownMenu.Root>
      <Tooltip text="Export all rows">
        <DropdownMenu.Trigger
          className="icon-button"
          aria-label="Export all rows"
          data-testid="query-export"
        >
          <Download size={16} aria-hidden />
        </DropdownMenu.Trigger>
      </Tooltip>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4}>
          <DropdownMenu.Item className="menu-item" onSelect={() => void query.export("csv")}>
            CSV, one column a property
          </DropdownMenu.Item>
          <DropdownMenu.Item className="menu-item" onSelect={() => void query.export("json")}>
            JSON, an array of the rows
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
