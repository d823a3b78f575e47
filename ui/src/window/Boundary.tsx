import { Component, type ReactNode } from "react";
import { Button } from "../look/Controls";
import { Problem } from "../look/Problem";

interface Props {
  of: string;
  children: ReactNode;
}

/** Holds a fault of one panel back from the rest of the window. */
export class Boundary extends Component<Props, { message: string | null }> {
  override state = { message: null };

  static getDerivedStateFromError(thrown: unknown) {
    return { message: thrown instanceof Error ? thrown.message : String(thrown) };
  }

  override render(): ReactNode {
    const { message } = this.state;
    if (message === null) return this.props.children;
    const text = `The ${this.props.of} stopped on a fault of the app: ${message}. Nothing of the instance is lost.`;
    return (
      <div className="empty">
        <Problem failure={{ code: "PanelFault", message: text, details: [] }} />
        <Button onClick={() => this.setState({ message: null })}>Show it again</Button>
      </div>
    );
  }
}
