package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"nightshift/flinks"
)

// workers is how many jobs are in hand at once where throughput is measured.
const workers = 256

// bare makes the three calls of n jobs and nothing else: the reference that
// the worker is measured by. It returns jobs per second.
func bare(base string, n int, decode bool) (float64, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
	var next atomic.Int64
	var wg sync.WaitGroup
	failed := make(chan error, workers)
	began := time.Now()
	for range workers {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				if err := bareJob(client, base, decode); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	close(failed)
	return float64(n) / took.Seconds(), <-failed
}

func bareJob(client *http.Client, base string, decode bool) error {
	var token struct{ Token string }
	var session flinks.AuthorizeResponse
	var detail flinks.AccountsDetailResponse
	for _, c := range []struct {
		op         string
		body, into any
	}{
		{flinks.OpGenerateAuthorizeToken, nil, &token},
		{flinks.OpAuthorize, map[string]any{"LoginId": "5e115eac-1209-4f19-641c-08d6d484e2fe", "MostRecentCached": true}, &session},
		{flinks.OpGetAccountsDetail, flinks.AccountsDetailRequest{RequestID: "b6cd5fc0-0d6e-4d0f-a02b-6c0c9c0d9a11"}, &detail},
	} {
		data, err := post(client, base+"/v3/"+customer+"/BankingServices/"+c.op, c.body)
		if err == nil && decode {
			err = json.Unmarshal(data, c.into)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.op, err)
		}
	}
	return nil
}

func post(client *http.Client, url string, body any) ([]byte, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("x-api-key", "key")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}
