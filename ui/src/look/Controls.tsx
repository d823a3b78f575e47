import type { LucideIcon } from "lucide-react";
import { X } from "lucide-react";
import { Dialog, Switch as RadixSwitch, Tooltip as RadixTooltip } from "radix-ui";
import { type ComponentProps, type ReactElement, type ReactNode, useState } from "react";

interface TooltipProps {
  text: ReactNode;
  keys?: string;
  /** Something is being dragged: it is not to show, nor to stay. */
  closed?: boolean;
  children: ReactElement;
}

/** A name that shows on hover and on focus. */
export function Tooltip({ closed = false, ...props }: TooltipProps) {
  const [open, setOpen] = useState(false);
  if (open && closed) setOpen(false);
  return (
    <RadixTooltip.Root open={open} onOpenChange={setOpen}>
      <RadixTooltip.Trigger asChild>{props.children}</RadixTooltip.Trigger>
      <RadixTooltip.Portal>
        <RadixTooltip.Content className="tooltip" sideOffset={6} collisionPadding={8}>
          {props.text}
          {props.keys && <span className="key">{props.keys}</span>}
        </RadixTooltip.Content>
      </RadixTooltip.Portal>
    </RadixTooltip.Root>
  );
}

type IconButtonProps = Omit<ComponentProps<"button">, "children" | "type"> & {
  icon: LucideIcon;
  label: string;
  keys?: string;
  size?: number;
};

export function IconButton({ icon: Icon, label, keys, size = 16, ...rest }: IconButtonProps) {
  return (
    <Tooltip text={label} keys={keys}>
      <button type="button" className="icon-button" aria-label={label} {...rest}>
        <Icon size={size} aria-hidden />
      </button>
    </Tooltip>
  );
}

type ButtonProps = Omit<ComponentProps<"button">, "className"> & {
  look?: "primary" | "quiet";
  icon?: LucideIcon;
};

export function Button({ look, icon: Icon, children, type = "button", ...rest }: ButtonProps) {
  return (
    <button type={type} className={look ? `button ${look}` : "button"} {...rest}>
      {Icon && <Icon size={16} aria-hidden />}
      {children}
    </button>
  );
}

/** Where the keyboard begins in a window: not at the button that closes it. */
const firstField = ".dialog-body :is(button, input):not([tabindex='-1'])";

/** A floating window with a title. Escape and a click beside it close it. */
export function Window(props: {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
  testId?: string;
  wide?: boolean;
}) {
  return (
    <Dialog.Root open={props.open} onOpenChange={(open) => open || props.onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="dialog-ground" />
        <Dialog.Content
          className={props.wide ? "dialog wide" : "dialog"}
          aria-describedby={undefined}
          data-testid={props.testId}
          onOpenAutoFocus={(event) => {
            if (!(event.currentTarget instanceof HTMLElement)) return;
            event.preventDefault();
            event.currentTarget.querySelector<HTMLElement>(firstField)?.focus();
          }}
        >
          <div className="dialog-head">
            <Dialog.Title className="dialog-title">{props.title}</Dialog.Title>
            <Dialog.Close asChild>
              <button type="button" className="icon-button" aria-label="Close">
                <X size={16} aria-hidden />
              </button>
            </Dialog.Close>
          </div>
          <div className="dialog-body">{props.children}</div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

export function Switch(props: {
  checked: boolean;
  onChange: (on: boolean) => void;
  label: string;
}) {
  return (
    <RadixSwitch.Root
      className="switch"
      checked={props.checked}
      onCheckedChange={props.onChange}
      aria-label={props.label}
    >
      <RadixSwitch.Thumb className="switch-thumb" />
    </RadixSwitch.Root>
  );
}

/** A choice of a few, side by side. Arrow keys move, as in any radio group. */
export function Segments<T extends string>(props: {
  label: string;
  value: T;
  options: readonly { value: T; label: string; icon?: LucideIcon }[];
  onChange: (value: T) => void;
}) {
  const step = (by: number) => {
    const at = props.options.findIndex((option) => option.value === props.value);
    const next = props.options[(at + by + props.options.length) % props.options.length];
    if (next) props.onChange(next.value);
  };
  return (
    <div
      className="segments"
      role="radiogroup"
      aria-label={props.label}
      onKeyDown={(event) => {
        if (event.key === "ArrowRight" || event.key === "ArrowDown") step(1);
        else if (event.key === "ArrowLeft" || event.key === "ArrowUp") step(-1);
        else return;
        event.preventDefault();
      }}
    >
      {props.options.map(({ value, label, icon: Icon }) => (
        // biome-ignore lint/a11y/useSemanticElements: a radio input cannot be drawn as a segment without hiding its focus
        <button
          key={value}
          type="button"
          role="radio"
          aria-checked={value === props.value}
          tabIndex={value === props.value ? 0 : -1}
          className="segment"
          onClick={() => props.onChange(value)}
          ref={(element) => {
            const group = element?.parentElement;
            if (value === props.value && group?.contains(document.activeElement)) element?.focus();
          }}
        >
          {Icon && <Icon size={16} aria-hidden />}
          {label}
        </button>
      ))}
    </div>
  );
}
