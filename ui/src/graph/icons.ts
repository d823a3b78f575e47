import {
  Box,
  Building2,
  Camera,
  Car,
  Cpu,
  DoorOpen,
  Droplets,
  Factory,
  Fan,
  Flame,
  Gauge,
  Layers,
  Lightbulb,
  MapPin,
  Server,
  Thermometer,
  User,
  Zap,
} from "lucide";

/** What may stand on twins of a model, and which words in a model's name ask for it. */
const known = {
  building: [Building2, /building|house|campus|site$/i],
  layers: [Layers, /floor|level|storey/i],
  door: [DoorOpen, /room|space|office|zone/i],
  thermometer: [Thermometer, /therm|temperature/i],
  gauge: [Gauge, /sensor|meter|gauge|capability|monitor/i],
  fan: [Fan, /fan|hvac|ahu|vav|ventilation|air/i],
  lightbulb: [Lightbulb, /light|lamp/i],
  water: [Droplets, /water|pump|pipe|valve|tank/i],
  power: [Zap, /power|electric|energy|grid|battery|inverter/i],
  flame: [Flame, /fire|boiler|heat/i],
  factory: [Factory, /factory|plant|line$|machine/i],
  server: [Server, /server|gateway|rack/i],
  cpu: [Cpu, /device|controller|plc|edge/i],
  camera: [Camera, /camera/i],
  car: [Car, /vehicle|car$|truck|parking/i],
  person: [User, /person|user|people|occupant/i],
  place: [MapPin, /location|city|region|place|asset$/i],
  box: [Box, /component|part$|equipment|item/i],
} as const;

export type IconName = keyof typeof known;
export const iconNames = Object.keys(known) as IconName[];

/** The icon that a model's name asks for, if any does. */
export const iconFor = (model: string): IconName | null =>
  iconNames.find((name) => known[name][1].test(model)) ?? null;

/** Side of the square that a path of `iconPath` fills. */
export const iconSide = 24;
const paths = new Map<IconName, Path2D>();

/** An icon as lines to stroke. */
export function iconPath(name: IconName): Path2D {
  const made = paths.get(name);
  if (made) return made;
  const path = new Path2D();
  for (const [element, fields] of known[name][0]) addElement(path, element, fields);
  paths.set(name, path);
  return path;
}

type Fields = Record<string, string | number | undefined>;

function addElement(path: Path2D, element: string, fields: Fields): void {
  const number = (name: string) => Number(fields[name] ?? 0);
  if (element === "path") path.addPath(new Path2D(String(fields.d)));
  else if (element === "circle") {
    path.moveTo(number("cx") + number("r"), number("cy"));
    path.arc(number("cx"), number("cy"), number("r"), 0, 2 * Math.PI);
  } else if (element === "rect") {
    path.roundRect(number("x"), number("y"), number("width"), number("height"), number("rx"));
  } else if (element === "line") {
    path.moveTo(number("x1"), number("y1"));
    path.lineTo(number("x2"), number("y2"));
  }
}
