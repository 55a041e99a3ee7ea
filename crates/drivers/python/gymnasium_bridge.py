"""Speaks forethought's pipe protocol for any Gymnasium environment.

    python3 gymnasium_bridge.py '{"id": "Pendulum-v1", "arguments": {}, "reward": false, "period_s": null}'

One JSON object a line on standard input, one on standard output: hello, reset, step, safe. `reset` and `step` take lists
for many copies at once. Needs Python 3.9 and gymnasium, nothing else.
"""

import json
import math
import os
import sys

WIDE = 1e9  # stands for bounds that are infinite, or as good as


def main():
    # What libraries print must not come between the answers: it goes to standard error.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    asked = json.loads(sys.argv[1])
    try:
        import gymnasium
    except ImportError:
        answer(out, {"error": f"{sys.executable} has no gymnasium: pip install gymnasium"})
        return 1
    try:
        bridge = Bridge(gymnasium, asked)
    except Exception as error:
        answer(out, {"error": f"{type(error).__name__}: {error}"})
        return 1
    for line in sys.stdin:
        try:
            answer(out, bridge.answer(json.loads(line)))
        except Exception as error:
            answer(out, {"error": f"{type(error).__name__}: {error}"})
    bridge.close()
    return 0


def answer(out, message):
    out.write(json.dumps(message, allow_nan=False) + "\n")
    out.flush()


class Bridge:
    """Copies of one environment; a copy that came to its end stands still until the next reset."""

    def __init__(self, gymnasium, asked):
        self.make = lambda: gymnasium.make(asked["id"], **asked.get("arguments", {}))
        self.name = asked["id"]
        self.with_reward = bool(asked.get("reward"))
        self.copies = [self.make()]
        self.last = [None]
        spaces = gymnasium.spaces
        self.action = flat(spaces, self.copies[0].action_space, "action")
        self.observation = flat(spaces, self.copies[0].observation_space, "observation")
        self.period_s = asked.get("period_s") or period_s(self.copies[0])

    def answer(self, message):
        if "hello" in message:
            if message["hello"] != 1:
                raise ValueError(f"this bridge speaks version 1, not {message['hello']}")
            return {"card": self.card()}
        if "reset" in message:
            seeds = message["reset"]
            return self.reset(seeds) if isinstance(seeds, list) else first(self.reset([seeds]))
        if "step" in message:
            actions = message["step"]
            is_many = len(actions) > 0 and isinstance(actions[0], list)
            return self.step(actions) if is_many else first(self.step([actions]))
        if "safe" in message:
            return {"ok": True}
        raise ValueError(f"unknown message with {', '.join(message)}")

    def card(self):
        sensors = channels(self.observation)
        if self.with_reward:
            sensors.append({"name": "reward"})
        return {"name": self.name, "period_s": self.period_s, "actions": channels(self.action), "sensors": sensors}

    def reset(self, seeds):
        while len(self.copies) < len(seeds):
            self.copies.append(self.make())
        while len(self.copies) > len(seeds):
            self.copies.pop().close()
        self.last = [(self.read(env.reset(seed=seed)[0], None), False)
                     for env, seed in zip(self.copies, seeds)]
        return self.readings()

    def step(self, actions):
        if len(actions) != len(self.last) or None in self.last:
            raise ValueError(f"{len(actions)} actions for {len(self.last)} copies: reset comes first")
        for i, action in enumerate(actions):
            if not self.last[i][1]:
                observation, reward, terminated, truncated, _ = self.copies[i].step(self.set(action))
                self.last[i] = (self.read(observation, reward), bool(terminated or truncated))
        return self.readings()

    def set(self, action):
        if len(action) != len(self.action.bounds):
            raise ValueError(f"{len(action)} numbers in an action, {len(self.action.bounds)} expected")
        return self.action.back(action)

    def readings(self):
        return {"read": [read for read, _ in self.last], "done": [done for _, done in self.last]}

    def read(self, observation, reward):
        numbers = self.observation.flat(observation)
        if self.with_reward:
            numbers = numbers + [math.nan if reward is None else float(reward)]
        return [x if math.isfinite(x) else None for x in numbers]

    def close(self):
        for env in self.copies:
            env.close()


def channels(flat):
    return [{"name": name, "low": low, "high": high} for name, (low, high) in zip(flat.names, flat.bounds)]


def first(readings):
    return {"read": readings["read"][0], "done": readings["done"][0]}


class Flat:
    """A space as a list of numbers: a name and the bounds of each, and both ways. A part that is one number may go by `alone`."""

    def __init__(self, names, bounds, flat, back, alone=None):
        self.names = names
        self.alone = alone
        self.bounds = [(wide(low), wide(high)) for low, high in bounds]
        self.flat = flat
        self.back = back


def wide(bound):
    return min(max(float(bound), -WIDE), WIDE)


def whole(value, low, high):
    return min(max(int(round(value)), low), high)


def flat(spaces, space, name):
    """Any space whose values have one number of numbers each; `name` begins the names of all of them."""
    if isinstance(space, spaces.Discrete):
        low, high = int(space.start), int(space.start) + int(space.n) - 1
        return Flat([f"{name}_0"], [(low, high)], lambda x: [float(x)], lambda a: whole(a[0], low, high), name)
    if isinstance(space, spaces.Box):
        return array(name, space.sample(), space.low, space.high)
    if isinstance(space, spaces.MultiDiscrete):
        start = getattr(space, "start", 0 * space.nvec)
        return array(name, space.sample(), start, start + space.nvec - 1)
    if isinstance(space, spaces.MultiBinary):
        one = space.sample()
        return array(name, one, 0 * one, 0 * one + 1)
    if isinstance(space, spaces.Dict):
        keys = list(space.spaces)
        return together([(k, flat(spaces, space[k], f"{name}_{k}")) for k in keys], dict)
    if isinstance(space, spaces.Tuple):
        parts = [(i, flat(spaces, one, f"{name}_{i}")) for i, one in enumerate(space.spaces)]
        return together(parts, lambda all: tuple(value for _, value in all))
    raise ValueError(f"the values of {space} are not all of one length: "
                     "Box, Discrete, MultiDiscrete, MultiBinary, Dict and Tuple are")


def array(name, like, low, high):
    lows, highs = low.reshape(-1).tolist(), high.reshape(-1).tolist()
    is_whole = like.dtype.kind in "iub"

    def back(action):
        # Clipped in the space's own type: a bound that was rounded on its way is still a bound.
        out = like.copy()
        out.reshape(-1)[:] = [round(a) if is_whole else a for a in action]
        return out.clip(low, high).astype(like.dtype)

    names = [f"{name}_{i}" for i in range(len(lows))]
    alone = name if len(names) == 1 else None
    return Flat(names, list(zip(lows, highs)), lambda x: [float(v) for v in x.reshape(-1)], back, alone)


def together(parts, build):
    def numbers(value):
        return [x for key, part in parts for x in part.flat(value[key])]

    def back(action):
        values, at = [], 0
        for key, part in parts:
            values.append((key, part.back(action[at:at + len(part.bounds)])))
            at += len(part.bounds)
        return build(values)

    names = [n for _, part in parts for n in part.names]
    # A part that is one number has no need of a number in its name.
    short = [n for _, part in parts for n in ([part.alone] if part.alone else part.names)]
    names = short if len(set(short)) == len(short) else names
    return Flat(names, [b for _, part in parts for b in part.bounds], numbers, back)


def period_s(env):
    """Seconds a step, as the environment itself has it; 1 where it does not tell."""
    inner = env.unwrapped
    for name in ("dt", "tau"):
        value = getattr(inner, name, None)
        if isinstance(value, (int, float)) and value > 0:
            return float(value)
    fps = env.metadata.get("render_fps")
    return 1.0 / fps if fps else 1.0


if __name__ == "__main__":
    sys.exit(main())
