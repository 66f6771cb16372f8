#!/usr/bin/env bash
# Makes the shop of a stage with all that surrounds it, or brings it up to date: up.sh STAGE (dev, staging, prod; branch: what the shops of branches
# share). Whatever is there already stays, so run it again after any change, and after any failure. Needs the AWS CLI and sam, with an
# administrator's credentials. In the environment:
#
#   SECRETS_FILE     for the first time: a JSON object of the parameters of SecretsPath (template.yaml) by their names; events/secrets.json is like it.
#                    The keys of the CDN, origin_keys and origin_key, are made here where it has none
#   DOMAIN_NAME, CERTIFICATE_ARN
#                    of staging and prod: the domain of SiteUrl (samconfig.toml) and its certificate in us-east-1. Without, the CDN's own name serves.
#   PRICING_PLAN     of the CDN: one of infra/site.yaml; without, what it has, at first FREE
#   LOG_BUCKET       the account's bucket for access logs, each time, where it is not kontor-access-logs-ACCOUNT
#   TEMPLATE         what is deployed; without, template.yaml is built
#   AROUND           the folder of the other templates; without, infra
#   OVERRIDES        more parameters of template.yaml, with blanks between them
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stage=${1-}
case $stage in
branch | dev | staging | prod) ;;
*)
    sed -n '2,14p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
stack=kontor-$stage secrets=/kontor/$stage region=${AWS_REGION:-eu-central-1}
export AWS_DEFAULT_REGION=$region
account=$(aws sts get-caller-identity --query Account --output text)
logs=${LOG_BUCKET:-kontor-access-logs-$account}
read -ra overrides <<<"${OVERRIDES-}"

# stack NAME FILE [--option ...] [-- PARAMETER=VALUE ...]: one of the stacks around the shop's.
stack() {
    local name=$1 file=$2
    shift 2
    printf '==> %s\n' "$name"
    aws cloudformation deploy --stack-name "$name" --template-file "${AROUND:-infra}/$file" --no-fail-on-empty-changeset --capabilities CAPABILITY_NAMED_IAM \
        --tags shop=kontor "stage=$stage" "$@"
}

# output STACK KEY [--region REGION]: one output of a stack.
output() {
    local name=$1 key=$2
    shift 2
    aws cloudformation describe-stacks --stack-name "$name" --query "Stacks[0].Outputs[?OutputKey=='$key'].OutputValue | [0]" --output text "$@"
}

# They hold shoppers' addresses, so the bucket forgets them after a week.
access_logs() {
    printf '==> the bucket %s\n' "$logs"
    aws s3api head-bucket --bucket "$logs" 2>/dev/null ||
        aws s3api create-bucket --bucket "$logs" --create-bucket-configuration "LocationConstraint=$region" --output text
    aws s3api put-bucket-ownership-controls --bucket "$logs" --ownership-controls 'Rules=[{ObjectOwnership=BucketOwnerPreferred}]'
    aws s3api put-bucket-lifecycle-configuration --bucket "$logs" --lifecycle-configuration \
        '{"Rules": [{"ID": "forget", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}]}'
    aws s3api put-bucket-policy --bucket "$logs" --policy '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::'"$logs"'/*",
        "Condition": {"StringEquals": {"aws:SourceAccount": "'"$account"'"}}}]}'
}

# current NAME Version|Value: of a parameter.
current() {
    aws ssm get-parameter --name "$secrets/$1" --with-decryption --query "Parameter.$2" --output text
}

# parameter NAME TYPE [VALUE]: makes it of what SECRETS_FILE has under this name, or else of this value. One that is there is never written.
parameter() {
    local name=$1 type=$2 value
    current "$name" Version >/dev/null 2>&1 && return
    value=$(python3 -c '
import json, sys
_, file, name, value = sys.argv
value = json.load(open(file)).get(name, value) if file else value
print(value if isinstance(value, str) else json.dumps(value))' "${SECRETS_FILE-}" "$name" "${3-}")
    [ -n "$value" ] || { printf 'there is no parameter %s/%s yet; SECRETS_FILE says what it is\n' "$secrets" "$name"; exit 1; }
    # Not on the command line, where other users of this machine would see it.
    printf %s "$value" | aws ssm put-parameter --name "$secrets/$name" --type "$type" --value file:///dev/stdin --tier Intelligent-Tiering \
        --tags Key=shop,Value=kontor "Key=stage,Value=$stage" >/dev/null
}

random_key() {
    python3 -c 'import secrets; print(secrets.token_hex(32))'
}

parameters() {
    printf '==> the parameters %s/*\n' "$secrets"
    parameter stripe_secret_key SecureString
    # Until there is an endpoint: one that nobody knows.
    parameter stripe_webhook_secrets SecureString "$(random_key)"
    parameter erp_credentials SecureString
    case $stage in
    staging | prod)
        # No secrets: the functions' environment and the CDN's configuration show them.
        parameter origin_keys String "$(random_key)"
        parameter origin_key String "$(current origin_keys Value | cut -d, -f1)"
        if ! current origin_keys Value | tr , '\n' | tr -d ' ' | grep -qxF "$(current origin_key Value)"; then
            printf '%s/origin_key is none of origin_keys: every request through the CDN would be refused\n' "$secrets"
            exit 1
        fi
        ;;
    esac
}

who_deploys() {
    stack "kontor-deployer-$stage" deployer.yaml --parameter-overrides "Stage=$stage"
}

shop() {
    local boundary=()
    [ -n "${TEMPLATE-}" ] || sam build
    if [ "$stage" != dev ]; then
        who_deploys
        boundary=("PermissionsBoundaryArn=$(output "kontor-deployer-$stage" BoundaryArn)")
    fi
    printf '==> %s\n' "$stack"
    infra/deploy.sh "$stage" "$stack" -- "${boundary[@]}" "${overrides[@]}"
}

way_in() {
    # A plan that is not named stays as it is.
    stack "$stack-edge" edge.yaml --region us-east-1 ${PRICING_PLAN:+--parameter-overrides "PricingPlan=$PRICING_PLAN"}
    stack "$stack-site" site.yaml --parameter-overrides "ShopStack=$stack" "LogBucketName=$logs" ${PRICING_PLAN:+"PricingPlan=$PRICING_PLAN"} \
        "OriginKey=$secrets/origin_key:$(current origin_key Version)" \
        "FirewallArn=$(output "$stack-edge" FirewallArn --region us-east-1)" \
        ${DOMAIN_NAME:+"DomainName=$DOMAIN_NAME" "CertificateArn=${CERTIFICATE_ARN:?of $DOMAIN_NAME}"}
    infra/publish.sh "$(output "$stack-site" WebsiteBucket)"
    stack "$stack-observability" observability.yaml --parameter-overrides "ShopStack=$stack"
}

parameters
case $stage in
branch)
    who_deploys
    exit
    ;;
dev) shop ;;
*)
    access_logs
    shop
    way_in
    printf 'Point the domain at %s.\n' "$(output "$stack-site" DomainTarget)"
    ;;
esac
printf 'Set up the payment provider'\''s webhook: STRIPE_API_KEY=... cargo run --bin ops -- --stack %s stripe setup --url %s\n' "$stack" "$(output "$stack" StripeWebhookUrl)"
