#!/usr/bin/env python3
"""Prints what CloudFormation makes of a SAM template before it deploys it, as JSON: as-deployed.py TEMPLATE [PARAMETER=VALUE ...]

The linters look at the template as it is written. A circle through what SAM adds (aliases, deployment groups) shows only here.
"""
import json
import sys

sys.dont_write_bytecode = True
from rehearsal.translation import translated

template, *parameters = sys.argv[1:]
json.dump(translated(template, dict(parameter.split("=", 1) for parameter in parameters)), sys.stdout, default=str)
