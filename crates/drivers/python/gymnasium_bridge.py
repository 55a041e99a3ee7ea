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
        self.action = flat_action(spaces, self.copies[0].action_space)
        self.observation = flat_observation(spaces, self.copies[0].observation_space)
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
        sensors = [{"name": f"observation_{i}", "low": low, "high": high}
                   for i, (low, high) in enumerate(self.observation.bounds)]
        if self.with_reward:
            sensors.append({"name": "reward"})
        actions = [{"name": f"action_{i}", "low": low, "high": high}
                   for i, (low, high) in enumerate(self.action.bounds)]
        return {"name": self.name, "period_s": self.period_s, "actions": actions, "sensors": sensors}

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
                observation, reward, terminated, truncated, _ = self.copies[i].step(self.action.back(action))
                self.last[i] = (self.read(observation, reward), bool(terminated or truncated))
        return self.readings()

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


def first(readings):
    return {"read": readings["read"][0], "done": readings["done"][0]}


class Flat:
    """A space as a list of numbers: their bounds, and both ways."""

    def __init__(self, bounds, flat, back):
        self.bounds = [(wide(low), wide(high)) for low, high in bounds]
        self.flat = flat
        self.back = back


def wide(bound):
    return min(max(float(bound), -WIDE), WIDE)


def box(space):
    low, high = space.low.reshape(-1).tolist(), space.high.reshape(-1).tolist()
    dtype = space.low.dtype

    def back(action):
        # Clipped in the space's own type: a bound that was rounded on its way is still a bound.
        array = space.low.copy()
        array.reshape(-1)[:] = [round(a) if dtype.kind in "iu" else a for a in check(action, len(low))]
        return array.clip(space.low, space.high)

    return Flat(list(zip(low, high)), lambda x: [float(v) for v in x.reshape(-1)], back)


def check(action, expected):
    if len(action) != expected:
        raise ValueError(f"{len(action)} numbers in an action, {expected} expected")
    return action


def whole(value, low, high):
    return min(max(int(round(value)), low), high)


def flat_action(spaces, space):
    if isinstance(space, spaces.Box):
        return box(space)
    if isinstance(space, spaces.Discrete):
        low, high = int(space.start), int(space.start) + int(space.n) - 1
        return Flat([(low, high)], None, lambda a: whole(check(a, 1)[0], low, high))
    if isinstance(space, spaces.MultiDiscrete) and len(space.shape) == 1:
        lows = [int(s) for s in getattr(space, "start", [0] * len(space.nvec))]
        bounds = [(low, low + int(n) - 1) for low, n in zip(lows, space.nvec)]
        return Flat(bounds, None,
                    lambda a: [whole(v, low, high) for v, (low, high) in zip(check(a, len(bounds)), bounds)])
    raise ValueError(f"action space {space} is neither Box nor Discrete")


def flat_observation(spaces, space):
    if isinstance(space, spaces.Box):
        return box(space)
    if isinstance(space, spaces.Discrete):
        low = int(space.start)
        return Flat([(low, low + int(space.n) - 1)], lambda x: [float(x)], None)
    raise ValueError(f"observation space {space} is neither Box nor Discrete")


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
