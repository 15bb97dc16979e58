package main

// rootLong and rootExample are what a newcomer reads first.
const rootLong = `Nightshift keeps the bank data of your users fresh. It takes your list of logins,
asks Flinks for new data, live where it has to, polls until it is there, and
tells the ending of each login exactly once as an event: refreshed,
mfa_required, reconnect_required or failed.

Every setting is a flag and an environment variable: --nats-url is
NIGHTSHIFT_NATS_URL. A flag beats the environment. See "nightshift settings".`

const rootExample = `  See a whole night with simulated banks, nothing to install:
    nightshift demo

  Run producer and consumer in one process, NATS and Redis included:
    nightshift run --roster logins.csv --flinks-url https://toolbox-api.private.fin.ag \
        --flinks-customer-id CUSTOMER --flinks-secret-key SECRET

  The same with your own servers, settings from the environment:
    export NIGHTSHIFT_NATS_URL=nats://nats:4222
    export NIGHTSHIFT_REDIS_URL=redis://redis:6379/0
    export NIGHTSHIFT_FLINKS_URL=https://toolbox-api.private.fin.ag
    export NIGHTSHIFT_FLINKS_CUSTOMER_ID=CUSTOMER
    export NIGHTSHIFT_FLINKS_SECRET_KEY_FILE=/run/secrets/flinks
    nightshift setup && nightshift run --roster logins.csv
`
