#!/usr/bin/env bash
# Deploys what was packaged, functions and page, and looks whether the shop is open: deploy.sh STAGE. Needs ARTIFACTS, DEPLOYER_ARN and
# BOUNDARY_ARN in the environment, as infra/pipeline.yaml sets them. In production it takes as long as the canary.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
: "${ARTIFACTS:?}" "${DEPLOYER_ARN:?}" "${BOUNDARY_ARN:?}"
stage=${1:?the stage}
stack=kontor-$stage

# One property of a stack, by its query.
of() {
    aws cloudformation describe-stacks --stack-name "$1" --query "Stacks[0].$2 | [0]" --output text
}

# What samconfig.toml says of the stage, and the boundary, whose name holds the account's number.
overrides=$(python3 -c 'import sys, tomllib
for override in tomllib.load(sys.stdin.buffer)[sys.argv[1]]["deploy"]["parameters"]["parameter_overrides"]: print(override)' "$stage" <samconfig.toml)
mapfile -t overrides <<<"$overrides"
# Without a change here, CloudFormation would not look whether the secret has one.
secret=$(aws secretsmanager list-secret-version-ids --secret-id "kontor/$stage" \
    --query "Versions[?contains(VersionStages, 'AWSCURRENT')].VersionId | [0]" --output text)
sam deploy --config-env "$stage" --template-file packaged.yaml --no-confirm-changeset \
    --no-resolve-s3 --s3-bucket "$ARTIFACTS" --s3-prefix "templates/$stage" \
    --role-arn "$DEPLOYER_ARN" --parameter-overrides "${overrides[@]}" "PermissionsBoundaryArn=$BOUNDARY_ARN" "SecretVersion=$secret"

bash infra/publish.sh "$(of "$stack-site" "Outputs[?OutputKey=='WebsiteBucket'].OutputValue")"
bash infra/smoke.sh "$(of "$stack" "Parameters[?ParameterKey=='SiteUrl'].ParameterValue")" \
    "$(of "$stack" "Outputs[?OutputKey=='ApiUrl'].OutputValue")"
