import { Button } from "../look/Controls";
import { counted } from "../look/format";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";

/** How many twins are selected together, and how to let them go. */
export function GroupBar() {
  const { selection } = usePage();
  const group = useCell(selection.group);
  if (group.size === 0) return null;
  return (
    <output className="group-bar" data-testid="group-bar">
      {counted(group.size, "twin")} selected
      <Button look="quiet" onClick={() => selection.gather([], false)}>
        Clear
      </Button>
    </output>
  );
}
