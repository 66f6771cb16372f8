#!/usr/bin/env bash
# Deploys the shop of a stage: deploy.sh STAGE STACK [--option ...] [-- PARAMETER=VALUE ...]. Options are `sam deploy`'s; parameters come on top of
# what samconfig.toml has for the stage. TEMPLATE in the environment is what is deployed; without, what `sam build` left.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stage=${1:?the stage} stack=${2:?the stack}
shift 2
config=$stage
[ "$stage" != dev ] || config=default
options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options+=("$1")
    shift
done
[ $# -eq 0 ] || shift

# All of the list: on the command line, it takes the place of samconfig.toml's.
overrides=$(python3 -c 'import sys, tomllib
for override in tomllib.load(sys.stdin.buffer)[sys.argv[1]]["deploy"]["parameters"]["parameter_overrides"]: print(override)' "$config" <samconfig.toml)
mapfile -t overrides <<<"$overrides"
# Without a change here, CloudFormation would not look whether the CDN's keys have one.
case $stage in
staging | prod)
    keys=/kontor/$stage/origin_keys
    overrides+=("OriginKeys=$keys:$(aws ssm get-parameter --name "$keys" --query Parameter.Version --output text)")
    ;;
esac
[ -z "${TEMPLATE-}" ] || options+=(--template-file "$TEMPLATE")
sam deploy --config-file "$PWD/samconfig.toml" --config-env "$config" --stack-name "$stack" --no-confirm-changeset "${options[@]}" \
    --parameter-overrides "${overrides[@]}" "$@"
