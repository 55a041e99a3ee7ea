import json, math, sys

recipe = json.loads(sys.stdin.readline())["recipe"]
resin, filler, red = recipe["resin"], recipe["filler"], recipe["pigment"] == "red"
gloss = 80 * resin - 40 * filler * filler + (3 if red else 0)
print(json.dumps({"outcomes": {"gloss": gloss, "fit": 10 * filler + 2 * math.sin(6 * resin)}}))
