import json, sys

order = json.loads(sys.stdin.readline())
temperature, minutes = order["recipe"]["temperature"], order["recipe"]["minutes"]
if temperature > 240:
    print(json.dumps({"failed": "burnt"}))
else:
    crust = 10 - ((temperature - 212) / 20) ** 2 - ((minutes - 31) / 8) ** 2
    print(json.dumps({"outcomes": {"crust": crust}}))
