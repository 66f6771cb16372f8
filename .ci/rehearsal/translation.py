"""What CloudFormation makes of a SAM template before it deploys it."""
import copy
import functools
import logging
import os
import pathlib
import re

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# It warns of features that AWS turns on for itself.
logging.disable(logging.WARNING)
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")


class NoManagedPolicies:
    """The template names no managed policy, whose ARN AWS would have to be asked for."""

    def load(self):
        return {}


@functools.cache
def _packaged(path):
    # Where `sam package` would put the code and the stack within this one.
    text = re.sub(r"(?m)^(\s+CodeUri:) .*$", r"\1 s3://code/package", pathlib.Path(path).read_text(encoding="utf-8"))
    return yaml_parse(re.sub(r"(?m)^(\s+TemplateURL:) .*$", r"\1 https://s3.eu-central-1.amazonaws.com/code/template", text))


def translated(path, values):
    """The template at `path` with `values` for its parameters, translated by SAM."""
    return transform(copy.deepcopy(_packaged(path)), {"AWS::Region": "eu-central-1"} | values, NoManagedPolicies())
