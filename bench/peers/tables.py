"""Export every table of shared/data/loop to plain JSON a program can read without parsing tables.

    python bench/peers/tables.py        (standard library, plus xlrd for concrete)

Writes bench/out/tables/<table>.<outcome>.json, one file a table and outcome:
  table, outcome, kind        kind is "numeric" or "ordinal" (ordinal: scores, not counted as numeric)
  inputs                      names of the inputs
  categorical                 one bool an input; a categorical column of x holds the index into options
  options                     one list an input; empty where the input is a number
  lo, hi                      smallest and largest value of each column of x
  simplex                     indices of the inputs whose sum is one constant, to 0.5 % (empty: none)
  x, y                        rows in file order; y in the unit of the file, never negated
  recipe                      recipe id of each row; ids count up in order of first appearance;
                              two rows are the same recipe when all their inputs are equal
  fold                        fold id of each recipe (not of each row)
  folds                       how many folds
  drawn                       one row of each recipe, drawn: rows[j], j from numpy default_rng(1).random(), recipes in order
  rule                        "singly" (up to 300 recipes, fold = recipe) or "10 folds"
  notes                       what was left out and why
and bench/out/folds.json: {"<table>.<outcome>": {rows, recipes, folds, rule, recipe, fold}}.

Ten folds: perm = numpy.random.default_rng(0).permutation(number of recipes); fold[perm[k]] = k % 10.
"""

import csv
import json
import os

from common import DATA, OUT

OUT_TABLES = os.path.join(OUT, "tables")


def read(path, header=True):
    with open(path, newline="", encoding="utf-8-sig") as f:
        rows = [[c.strip() for c in r] for r in csv.reader(f) if r]
    return (rows[0], rows[1:]) if header else (None, rows)


def simplex_of(cols, rows, which):
    """The named numeric columns, if every row of them has the same sum (to 0.5 % of it)."""
    sums = [sum(r[i] for i in which) for r in rows]
    if which and max(sums) - min(sums) <= 5e-3 * abs(max(sums)):
        return which
    return []


def emit(table, outcome, inputs, cat, raw, y, simplex=(), kind="numeric", notes=(), options=None):
    """raw: rows of strings or numbers, in file order."""
    import numpy as np

    opts, cols = [], []
    for j in range(len(inputs)):
        v = [r[j] for r in raw]
        if cat[j]:
            o = options[j] if options and options[j] else list(dict.fromkeys(v))
            opts.append(o)
            at = {c: i for i, c in enumerate(o)}
            cols.append([float(at[c]) for c in v])
        else:
            opts.append([])
            cols.append([float(c) for c in v])
    x = [list(r) for r in zip(*cols)]
    ids, recipe = {}, []
    for r in x:
        recipe.append(ids.setdefault(tuple(r), len(ids)))
    n = len(ids)
    if n <= 300:
        fold, folds, rule = list(range(n)), n, "singly"
    else:
        fold, folds, rule = [0] * n, 10, "10 folds"
        for k, p in enumerate(np.random.default_rng(0).permutation(n)):
            fold[int(p)] = k % 10
    rows_of = [[] for _ in range(n)]
    for i, r in enumerate(recipe):
        rows_of[r].append(i)
    drawn = [q[int(u * len(q))] for q, u in zip(rows_of, np.random.default_rng(1).random(n))]
    rep = [q for q in rows_of if len(q) > 1]
    copies = sum(len({float(y[i]) for i in q}) == 1 for q in rep)
    sx = simplex_of(inputs, x, list(simplex))
    notes = list(notes)
    if simplex and not sx:
        notes.append("named a simplex by its source, but its rows do not sum to one constant")
    if copies:
        notes.append(f"{copies} of {len(rep)} repeated recipes have one and the same outcome in every row")
    d = dict(table=table, outcome=outcome, kind=kind, inputs=inputs, categorical=list(map(bool, cat)),
             options=opts, lo=[min(c) for c in cols], hi=[max(c) for c in cols], simplex=sx, x=x,
             y=[float(v) for v in y], recipe=recipe, fold=fold, folds=folds, rule=rule, drawn=drawn,
             notes=notes)
    assert all(abs(v) < 1e300 and v == v for r in x for v in r) and all(v == v for v in d["y"])
    name = f"{table}.{outcome}"
    with open(os.path.join(OUT_TABLES, name + ".json"), "w") as f:
        json.dump(d, f)
    print(f"{name:44s} rows {len(x):5d} recipes {n:5d} inputs {len(inputs):2d} "
          f"categorical {sum(cat):2d} {rule} {'; '.join(notes)}", flush=True)
    return name, dict(rows=len(x), recipes=n, folds=folds, rule=rule, recipe=recipe, fold=fold)


def main():
    os.makedirs(OUT_TABLES, exist_ok=True)
    done = {}

    def put(*a, **k):
        name, d = emit(*a, **k)
        done[name] = d

    h, r = read(f"{DATA}/crossed_barrel/crossed_barrel.csv")
    put("crossed_barrel", "toughness", h[:4], [0] * 4, [q[:4] for q in r], [q[4] for q in r])

    h, r = read(f"{DATA}/agnp/agnp.csv")
    put("agnp", "loss", h[:5], [0] * 5, [q[:5] for q in r], [q[5] for q in r])

    h, r = read(f"{DATA}/p3ht_cnt/p3ht_cnt.csv")
    put("p3ht_cnt", "conductivity", h[:5], [0] * 5, [q[:5] for q in r], [q[5] for q in r], simplex=range(5))

    h, r = read(f"{DATA}/direct_arylation/data.csv")
    c = ["Base", "Ligand", "Solvent", "Concentration", "Temp_C"]
    put("direct_arylation", "yield", c, [1, 1, 1, 0, 0], [[q[h.index(k)] for k in c] for q in r],
        [q[h.index("yield")] for q in r])

    h, r = read(f"{DATA}/aryl_halide_tl/data.csv")
    c = ["base", "ligand", "aryl_halide", "additive"]
    kept = [q for q in r if q[h.index("aryl_halide")] != ""]
    put("aryl_halide_tl", "yield", c, [1] * 4, [[q[h.index(k)] or "none" for k in c] for q in kept],
        [q[h.index("yield")] for q in kept],
        notes=[f"{len(r) - len(kept)} control rows without an aryl halide left out",
               "no additive is the level 'none'", "plate, row and column are not inputs"])

    import xlrd
    s = xlrd.open_workbook(f"{DATA}/concrete/Concrete_Data.xls").sheet_by_index(0)
    h = [str(v).split("(")[0].strip() for v in s.row_values(0)]
    r = [s.row_values(i) for i in range(1, s.nrows)]
    put("concrete", "strength", h[:8], [0] * 8, [q[:8] for q in r], [q[8] for q in r])

    h1, r1 = read(f"{DATA}/mobo_resin_print/initial_samples.csv")
    h2, r2 = read(f"{DATA}/mobo_resin_print/evaluated_samples.csv")
    c = h2[1:7]
    assert c == h1[1:7]
    for col, name, sign in (("Tensile_Strength(MPa)", "strength", -1.0), ("Toughness(MJ/m3)", "toughness", -1.0),
                            ("Tensile_Strain_percentage", "strain", 1.0), ("Tg", "tg", 1.0)):
        rows, y = [], []
        for h, rr, sg in ((h1, r1, 1.0), (h2, r2, sign)):
            for q in rr:
                if q[h.index("Printability")] in ("Y", "1"):
                    rows.append([q[h.index(k)] for k in c])
                    y.append(sg * float(q[h.index(col)]))
        put("mobo_resin_print", name, c, [0] * 6, rows, y, simplex=range(6),
            notes=["rows that did not print hold no measurement and are left out",
                   "initial then evaluated samples, the latter's sign turned back"])

    base = f"{DATA}/olympus"
    for t in sorted(os.listdir(base)):
        if not os.path.isdir(f"{base}/{t}"):
            continue
        with open(f"{base}/{t}/config.json") as f:
            cfg = json.load(f)
        p, m = cfg["parameters"], cfg["measurements"]
        _, r = read(f"{base}/{t}/data.csv", header=False)
        assert all(len(q) == len(p) + len(m) for q in r), t
        cat, opts, levels = [], [], []
        for a in p:
            num = True
            if a["type"] == "categorical":
                try:
                    [float(o) for o in a["options"]]
                    levels.append(a["name"])
                except ValueError:
                    num = False
            cat.append(not num)
            opts.append(list(a["options"]) if not num else [])
        notes = [f"options that are numbers are read as numbers: {', '.join(levels)}"] if levels else []
        for j, o in enumerate(opts):
            extra = [v for v in dict.fromkeys(q[j] for q in r) if o and v not in o]
            if extra:
                notes.append(f"{p[j]['name']}: options not in config.json: {extra}")
                o.extend(extra)
        sx = range(len(p)) if cfg["constraints"]["parameters"] == "simplex" else ()
        for k, a in enumerate(m):
            y = [q[len(p) + k] for q in r]
            ordinal = a["type"] == "ordinal"
            if ordinal:
                y = [a["options"].index(v) + 1.0 for v in y]
            put(t, a["name"], [b["name"] for b in p], cat, [q[:len(p)] for q in r], y, simplex=sx,
                kind="ordinal" if ordinal else "numeric", notes=notes, options=opts)

    with open(os.path.join(OUT, "folds.json"), "w") as f:
        json.dump(done, f)
    print(len(done), "files under", OUT_TABLES)


if __name__ == "__main__":
    main()
