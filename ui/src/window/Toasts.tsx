import { CircleAlert, CircleCheck, X } from "lucide-react";
import { Toast } from "radix-ui";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";

const shownFor = 6000;
const failedFor = 15000;

/** Results of actions, for a moment. */
export function Toasts() {
  const { notices } = usePage();
  const shown = useCell(notices.shown);
  return (
    <Toast.Provider swipeDirection="right">
      {shown.map(({ id, text, lines, failed, action }) => (
        <Toast.Root
          key={id}
          className="toast"
          type={failed ? "foreground" : "background"}
          duration={failed ? failedFor : shownFor}
          onOpenChange={(open) => open || notices.dismiss(id)}
        >
          {failed ? (
            <CircleAlert size={16} className="toast-failed" aria-hidden />
          ) : (
            <CircleCheck size={16} className="toast-done" aria-hidden />
          )}
          <div className="toast-text">
            <Toast.Title>{text}</Toast.Title>
            {lines.map((line) => (
              <Toast.Description key={line} className="mono secondary">
                {line}
              </Toast.Description>
            ))}
          </div>
          {action && (
            <Toast.Action className="button" altText={action.label} onClick={action.run}>
              {action.label}
            </Toast.Action>
          )}
          <Toast.Close className="icon-button" aria-label="Dismiss">
            <X size={16} aria-hidden />
          </Toast.Close>
        </Toast.Root>
      ))}
      <Toast.Viewport className="toasts" />
    </Toast.Provider>
  );
}
