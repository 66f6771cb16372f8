#!/usr/bin/env bash
# A shop of its own for a branch, to try it: branch.sh deploy BRANCH | remove BRANCH | sweep. Sweep removes those whose branch is gone.
# Needs DEPLOYER_ARN, BOUNDARY_ARN and ARTIFACTS in the environment, as infra/branches.yaml sets them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
: "${DEPLOYER_ARN:?}" "${BOUNDARY_ARN:?}" "${ARTIFACTS:?}"

# The stack's name: letters, digits and hyphens, and a checksum, since feature/a and feature-a are two branches.
stack_of() {
    local readable
    readable=$(tr '[:upper:]' '[:lower:]' <<<"$1" | tr -cs 'a-z0-9' - | cut -c1-20)
    printf 'kontor-branch-%s-%s' "${readable%-}" "$(printf %s "$1" | sha256sum | cut -c1-6)"
}

# Waits for whatever an earlier push or the sweep is still doing to the stack.
settled() {
    while aws cloudformation describe-stacks --stack-name "$1" --query 'Stacks[0].StackStatus' --output text 2>/dev/null |
        grep -qE '^(CREATE|UPDATE|DELETE|ROLLBACK).*_IN_PROGRESS$'; do
        sleep 10
    done
}

deploy() {
    local stack
    stack=$(stack_of "$1")
    sam build
    settled "$stack"
    infra/deploy.sh branch "$stack" --no-resolve-s3 --s3-bucket "$ARTIFACTS" --s3-prefix templates/branch --role-arn "$DEPLOYER_ARN" \
        --tags shop=kontor stage=branch "branch=$1" -- "PermissionsBoundaryArn=$BOUNDARY_ARN"
}

remove() {
    local stack=$1 table
    settled "$stack"
    aws cloudformation delete-stack --stack-name "$stack" --role-arn "$DEPLOYER_ARN"
    aws cloudformation wait stack-delete-complete --stack-name "$stack"
    # Tables outlive their stack, whatever the stage; these hold no real orders.
    for table in $(aws dynamodb list-tables --query "TableNames[?starts_with(@, '$stack-')]" --output text); do
        aws dynamodb delete-table --table-name "$table" --output text --query TableDescription.TableName
    done
}

sweep() {
    local branches stack branch
    branches=$(git ls-remote --heads origin | sed 's#^.*refs/heads/##')
    # No answer is not the answer that there are no branches.
    [ -n "$branches" ] || { echo 'the repository names no branches'; return 1; }
    aws cloudformation describe-stacks --output text \
        --query "Stacks[?starts_with(StackName, 'kontor-branch-') && !ParentId].[StackName, Tags[?Key=='branch'].Value | [0]]" |
        while read -r stack branch; do
            # No stack of a branch at all: those say which.
            [ "$branch" != None ] || continue
            grep -qxF -- "$branch" <<<"$branches" || remove "$stack" </dev/null
        done
}

case ${1-} in
deploy) deploy "${2:?the branch}" ;;
remove) remove "$(stack_of "${2:?the branch}")" ;;
sweep) sweep ;;
*)
    sed -n '2,3p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
