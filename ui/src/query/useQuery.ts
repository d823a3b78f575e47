import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import type { Query } from "./query";

/** The query of the tab in sight. */
export const useQuery = (): Query => useCell(usePage().queries.current);
