#!/usr/bin/env bash
# Deploys what was packaged, functions and page, and looks whether the shop is open: release.sh STAGE. Needs ARTIFACTS, DEPLOYER_ARN and
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

TEMPLATE=packaged.yaml bash infra/deploy.sh "$stage" "$stack" --no-resolve-s3 --s3-bucket "$ARTIFACTS" --s3-prefix "templates/$stage" \
    --role-arn "$DEPLOYER_ARN" -- "PermissionsBoundaryArn=$BOUNDARY_ARN"
bash infra/publish.sh "$(of "$stack-site" "Outputs[?OutputKey=='WebsiteBucket'].OutputValue")"
bash infra/smoke.sh "$(of "$stack" "Parameters[?ParameterKey=='SiteUrl'].ParameterValue")" \
    "$(of "$stack" "Outputs[?OutputKey=='ApiUrl'].OutputValue")"
