"""peers.py LIBRARY EDGES COUNT SECONDS OUT: lays a graph out, writes positions (x, y as f32) and
prints the CPU seconds of the layout itself."""

import array
import json
import resource
import subprocess
import sys
import tempfile


def spent(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def sfdp(count, edges, seconds):
    """Graphviz; reading and writing of its text is in the figure, and is a small part of it."""
    with tempfile.NamedTemporaryFile("w", suffix=".dot") as dot:
        dot.write("graph g {\nnode [shape=point];\n")
        dot.writelines(f"{node}\n" for node in range(count))
        dot.writelines(f"{source}--{target}\n" for source, target in edges)
        dot.write("}\n")
        dot.flush()
        before = spent(resource.RUSAGE_CHILDREN)
        command = ["sfdp", "-Goverlap=true", "-Gsplines=false", "-Tplain", dot.name]
        text = subprocess.run(command, capture_output=True, text=True, timeout=seconds * 2, check=True).stdout
        cpu = spent(resource.RUSAGE_CHILDREN) - before
    places = [(0.0, 0.0)] * count
    for line in text.splitlines():
        if line.startswith("node "):
            _, node, x, y, *_ = line.split()
            places[int(node)] = (float(x), float(y))
    return cpu, places


def drl(count, edges, _):
    import igraph

    graph = igraph.Graph(n=count, edges=edges)
    before = spent(resource.RUSAGE_SELF)
    layout = graph.layout_drl(options="coarsest" if count > 10_000 else "default")
    return spent(resource.RUSAGE_SELF) - before, layout.coords


library, edges_file, count, seconds, out = sys.argv[1:]
ends = array.array("I", open(edges_file, "rb").read())
edges = list(zip(ends[::2], ends[1::2], strict=True))
run = {"sfdp": sfdp, "drl": drl}[library]
cpu, places = run(int(count), edges, float(seconds))
array.array("f", [value for place in places for value in place]).tofile(open(out, "wb"))
print(json.dumps({"cpu": cpu, "steps": None}))
