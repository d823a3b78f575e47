import { Popover } from "radix-ui";
import type { ReactNode } from "react";

/** A button of the bar that opens a small window below it. */
export function Menu(props: {
  icon: ReactNode;
  name: string;
  disabled?: boolean;
  testId: string;
  children: ReactNode;
}) {
  return (
    <Popover.Root>
      <Popover.Trigger
        className="button quiet"
        disabled={props.disabled}
        data-testid={props.testId}
        aria-label={props.name}
        title={props.name}
      >
        {props.icon}
        <span className="word">{props.name}</span>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="explore-menu"
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
