import { Popover } from "radix-ui";
import type { ReactNode } from "react";

/** A button of a bar that opens a small window below it. */
export function Menu(props: {
  icon: ReactNode;
  name: string;
  /** What the button says; its name where nothing else is given. */
  says?: ReactNode;
  /** Whether it has an edge, as a field has. */
  edged?: boolean;
  disabled?: boolean;
  testId: string;
  /** Class of the window, for its width. */
  look?: string;
  children: ReactNode;
}) {
  return (
    <Popover.Root>
      <Popover.Trigger
        className={props.edged ? "button" : "button quiet"}
        disabled={props.disabled}
        data-testid={props.testId}
        aria-label={props.name}
        title={props.name}
      >
        {props.icon}
        {props.says ?? <span className="word">{props.name}</span>}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className={props.look ? `popover ${props.look}` : "popover"}
          align="start"
          sideOffset={4}
          collisionPadding={8}
          aria-label={props.name}
        >
          {props.children}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
