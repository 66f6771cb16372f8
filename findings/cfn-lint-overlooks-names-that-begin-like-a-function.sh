#!/usr/bin/env bash
# Package:  cfn-lint 1.58.0 (PyPI).
# Expected: a Ref or GetAtt to a resource that the template does not have is an error (E1020, E1010), whatever it is called.
# Seen:     in a SAM template no error comes if the name begins with the logical id of one of its functions. SAM makes resources of such names
#           (role, version, alias, permissions), so cfn-lint takes every such name for one of them.
# Why here: a typing error after a function's name (`CheckoutFunctionRol`) passes the linter, and CloudFormation refuses it only when deploying.
#           So `.ci/as-deployed.py` translates the template, and the result is linted as well.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check cfn-lint==1.58.0
"$scratch/venv/bin/cfn-lint" --version

# template NAME: a function, and an output that refers to NAME.
template() {
    cat <<YAML
Transform: AWS::Serverless-2016-10-31
Resources:
  Greeter:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      InlineCode: "def handler(event, context): return 'hello'"
Outputs:
  Named:
    Value: !Ref $1
YAML
}

errors() {
    template "$1" >"$scratch/template.yaml"
    "$scratch/venv/bin/cfn-lint" --non-zero-exit-code none --format parseable --regions eu-central-1 --template "$scratch/template.yaml" | grep -c ':E' || true
}

other=$(errors Gretter)
alike=$(errors GreeterThatIsNotThere)
echo "errors for a Ref to Gretter: $other, to GreeterThatIsNotThere: $alike"
[ "$other" -gt 0 ] && [ "$alike" -eq 0 ] || { echo 'the behaviour has changed'; exit 1; }
