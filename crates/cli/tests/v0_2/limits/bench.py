import json, math, sys

order = json.loads(sys.stdin.readline())
speed, heat = order["recipe"]["speed"], order["recipe"]["heat"]
if heat > 255:
    print(json.dumps({"failed": "burnt"}))
else:
    off = 0.3 * math.sin(1.7 * speed + heat)
    strength = 60 - ((heat - 230) / 9) ** 2 - ((speed - 35) / 12) ** 2 + off
    print(json.dumps({"outcomes": {"strength": strength, "sag": (heat - 180) / 90 + 4 / speed}}))
