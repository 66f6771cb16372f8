#!/usr/bin/env bash
# Takes a shop back to one second: restore.sh STACK TIME [--rewind] [--dry-run], with TIME such as 2026-11-29T12:00:00Z. Has AWS copy the tables as of
# that second, stops the functions that write, lets `ops restore` put back what is missing and ask the payment provider and the warehouse for the
# rest, and starts the functions. After a failure they stay stopped: run it again, copies that are there serve again; or restore.sh STACK start.
# --dry-run stops nothing. Needs the AWS CLI, and for ops in the environment:
#
#   OPS                            the command; without, `cargo run --bin ops --`
#   STRIPE_SECRET_KEY, ERP_TOKEN   the shop's keys; without, those of its parameters. With ERP_TOKEN, ERP_CLIENT_CERTIFICATE where there is one
#   DRAIN                          how many seconds a function that runs may take to end: 60
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ $# -lt 2 ]; then
    sed -n '2,9p' "${BASH_SOURCE[0]}"
    exit 2
fi
stack=$1 at=$2
shift 2
export AWS_DEFAULT_REGION=${AWS_REGION:-${AWS_DEFAULT_REGION:-eu-central-1}}
# What reads stays open: shoppers see the catalogue and their orders, as far as these are there.
writers=(checkout payment payment-events order-forwarder reconciler)

# of_stack QUERY: something of the stack.
of_stack() {
    aws cloudformation describe-stacks --stack-name "$stack" --query "Stacks[0].$1 | [0]" --output text
}

mapping() {
    aws lambda list-event-source-mappings --function-name "$stack-order-forwarder:live" --query 'EventSourceMappings[0].UUID' --output text
}

every_minute() {
    aws cloudformation describe-stack-resource --stack-name "$stack" --logical-resource-id ReconcilerFunctionEveryMinute \
        --query StackResourceDetail.PhysicalResourceId --output text
}

# Messages and minutes are held back as well: to a function that may not run they would be failures.
stop() {
    echo '==> stop what writes'
    aws events disable-rule --name "$(every_minute)"
    aws lambda update-event-source-mapping --uuid "$(mapping)" --no-enabled --query State --output text
    for name in "${writers[@]}"; do
        aws lambda put-function-concurrency --function-name "$stack-$name" --reserved-concurrent-executions 0 --output text
    done
    sleep "${DRAIN:-60}"
}

start() {
    echo '==> start what writes'
    for name in "${writers[@]}"; do
        aws lambda delete-function-concurrency --function-name "$stack-$name"
    done
    aws lambda update-event-source-mapping --uuid "$(mapping)" --enabled --query State --output text
    aws events enable-rule --name "$(every_minute)"
}

state() {
    aws dynamodb describe-table --table-name "$1" --query Table.TableStatus --output text 2>/dev/null
}

# copy TABLE: begins its copy as of that second, if there is none.
copy() {
    state "$1-at-$moment" >/dev/null ||
        aws dynamodb restore-table-to-point-in-time --source-table-name "$1" --target-table-name "$1-at-$moment" --restore-date-time "$at" \
            --query TableDescription.TableStatus --output text
}

wait_for() {
    until [ "$(state "$1")" = ACTIVE ]; do sleep 10; done
}

if [ "$at" = start ]; then
    start
    exit
fi
[[ $at =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$ ]] || { echo "$at is no second in UTC, such as 2026-11-29T12:00:00Z"; exit 2; }
for option; do
    case $option in
    --rewind | --dry-run) ;;
    *) echo "$option is neither --rewind nor --dry-run" && exit 2 ;;
    esac
done
moment=${at//[-:]/}
tables=()
for name in Orders Stock Products; do
    tables+=("$(of_stack "Outputs[?OutputKey=='${name}TableName'].OutputValue")")
done

echo "==> copies of the tables as of $at: some minutes, or hours for a large one"
for table in "${tables[@]}"; do copy "$table"; done
for table in "${tables[@]}"; do wait_for "$table-at-$moment"; done

secrets=$(of_stack "Parameters[?ParameterKey=='SecretsPath'].ParameterValue")
secret() {
    aws ssm get-parameter --name "$secrets/$1" --with-decryption --query Parameter.Value --output text
}
credential() {
    python3 -c 'import json, sys; print(json.load(sys.stdin).get(sys.argv[1]) or "")' "$1"
}
STRIPE_SECRET_KEY=${STRIPE_SECRET_KEY:-$(secret stripe_secret_key)}
if [ -z "${ERP_TOKEN-}" ]; then
    credentials=$(secret erp_credentials)
    ERP_TOKEN=$(credential token <<<"$credentials")
    ERP_CLIENT_CERTIFICATE=$(credential client_certificate <<<"$credentials")
fi
export STRIPE_SECRET_KEY ERP_TOKEN ERP_CLIENT_CERTIFICATE=${ERP_CLIENT_CERTIFICATE-}
read -ra ops <<<"${OPS:-cargo run --quiet --bin ops --}"
# Built before anything stands still.
"${ops[@]}" --help >/dev/null

is_dry=false
[[ " $* " != *' --dry-run '* ]] || is_dry=true
$is_dry || stop
echo '==> ops restore'
ended=0
"${ops[@]}" --stack "$stack" restore --at "$at" --orders "${tables[0]}-at-$moment" --stock "${tables[1]}-at-$moment" \
    --products "${tables[2]}-at-$moment" "$@" || ended=$?
# 3: done, and something needs attention.
case $ended in
0 | 3) $is_dry || start ;;
*) $is_dry || echo 'What writes stays stopped.' ;;
esac
echo 'The copies stay. When they are not needed any more:'
printf 'aws dynamodb delete-table --table-name %s\n' "${tables[@]/%/-at-$moment}"
exit "$ended"
