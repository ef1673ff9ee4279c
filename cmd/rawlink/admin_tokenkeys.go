package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"rawlink/cmd/internal/settings"
	"rawlink/internal/share"
)

// tokenKeysHelp tells how a key is rotated; each of its commands shows it.
const tokenKeysHelp = `Every link carries a tag made with a token key. To rotate the key without breaking
a link, add a new one, have it known everywhere, then let it seal; old links go on
working for as long as the key that sealed them is kept.

Embedded, the keys are in the data directory; rawlink up reads them when it starts:
  rawlink admin token-key add && rawlink admin token-key seal 2    # then restart
In production they are the setting token_keys of all origins and edges. The commands
read the present value and write the new one to a file that only you may read:
  rawlink admin token-key add --token-keys @token-keys --out token-keys.new
  # roll it out to all edges and origins; then
  rawlink admin token-key seal 2 --token-keys @token-keys.new --out token-keys.final`

// keysPlace says where the token keys are.
type keysPlace struct {
	Data      string          `help:"Data directory of an embedded Rawlink." default:"./data" type:"path"`
	TokenKeys settings.Secret `help:"The keys themselves, ID:HEX[,ID:HEX…], instead of --data; @FILE reads a file. Secret." placeholder:"KEYS"`
	Out       string          `help:"File for the changed keys; needed with --token-keys." type:"path" placeholder:"FILE"`
	JSON      bool            `help:"Print JSON." name:"json"`
}

// tokenKey is one of them. The first of a list seals.
type tokenKey struct {
	id   int
	text string
}

// Help is shown below the flags.
func (*keysPlace) Help() string { return tokenKeysHelp }

// read returns the keys, and the secrets of the data directory they are part of.
func (p *keysPlace) read() (keys []tokenKey, dir *datadir, kept secrets, err error) {
	text := string(p.TokenKeys)
	if text == "" {
		dir = &datadir{path: p.Data}
		if kept, err = p.secrets(); err != nil {
			return nil, nil, kept, err
		}
		text = kept.TokenKeys
	}
	if _, err := share.ParseKeyring(text); err != nil {
		return nil, nil, kept, fmt.Errorf("token-keys: %w", err)
	}
	for part := range strings.SplitSeq(text, ",") {
		id, _, _ := strings.Cut(strings.TrimSpace(part), ":")
		n, _ := strconv.Atoi(id) // checked by ParseKeyring
		keys = append(keys, tokenKey{n, strings.TrimSpace(part)})
	}
	return keys, dir, kept, nil
}

// secrets returns those of the data directory, and draws none.
func (p *keysPlace) secrets() (secrets, error) {
	dir := &datadir{path: p.Data}
	if _, err := os.Stat(dir.file("secrets.json")); err != nil {
		return secrets{}, fmt.Errorf("data: there are no secrets in %s; start rawlink up there first, or pass --token-keys", p.Data)
	}
	return dir.secrets()
}

// change has the keys changed and writes them to where they came from.
func (p *keysPlace) change(std *streams, how func([]tokenKey) ([]tokenKey, error)) error {
	if (p.TokenKeys != "") != (p.Out != "") {
		return errors.New("out: name a file for the changed keys together with --token-keys; those of a data directory are changed in place")
	}
	keys, dir, kept, err := p.read()
	if err == nil {
		keys, err = how(keys)
	}
	if err != nil {
		return err
	}
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = k.text
	}
	text := strings.Join(texts, ",")
	if dir == nil {
		err = writeSecret(p.Out, []byte(text+"\n"))
	} else {
		kept.TokenKeys = text
		err = dir.keepSecrets(kept)
	}
	if err != nil {
		return err
	}
	if dir != nil {
		fmt.Fprintln(std.err, "rawlink up uses them from its next start.")
	}
	return p.list(std, keys)
}

func (p *keysPlace) list(std *streams, keys []tokenKey) error {
	rows := make([]map[string]any, len(keys))
	for i, k := range keys {
		rows[i] = map[string]any{"id": k.id, "use": "checks"}
		if i == 0 {
			rows[i]["use"] = "seals and checks"
		}
	}
	return (&place{JSON: p.JSON}).show(std.out, rows, "id", "use")
}

func find(keys []tokenKey, id int) (int, error) {
	for i, k := range keys {
		if k.id == id {
			return i, nil
		}
	}
	return 0, fmt.Errorf("id: there is no token key %d; rawlink admin token-key list shows them", id)
}

type tokenKeyList struct{ keysPlace }

// Run lists the keys' ids, never the keys.
func (c *tokenKeyList) Run(std *streams) error {
	keys, _, _, err := c.read()
	if err != nil {
		return err
	}
	return c.list(std, keys)
}

type tokenKeyAdd struct{ keysPlace }

// Run draws a key that checks and does not seal yet.
func (c *tokenKeyAdd) Run(std *streams) error {
	return c.change(std, func(keys []tokenKey) ([]tokenKey, error) {
		next := 0
		for _, k := range keys {
			next = max(next, k.id)
		}
		for range 255 { // the one after the greatest, so that a retired id comes back as late as can be
			next = next%255 + 1
			if _, err := find(keys, next); err != nil {
				return append(keys, tokenKey{next, fmt.Sprintf("%d:%s", next, share.NewKey())}), nil
			}
		}
		return nil, errors.New("token-keys: all 255 ids are taken; retire one")
	})
}

type tokenKeySeal struct {
	keysPlace
	ID int `arg:"" help:"The key's id."`
}

// Run lets a key seal new links.
func (c *tokenKeySeal) Run(std *streams) error {
	return c.change(std, func(keys []tokenKey) ([]tokenKey, error) {
		i, err := find(keys, c.ID)
		if err != nil {
			return nil, err
		}
		chosen := keys[i]
		return append([]tokenKey{chosen}, append(keys[:i:i], keys[i+1:]...)...), nil
	})
}

type tokenKeyRetire struct {
	keysPlace
	ID  int  `arg:"" help:"The key's id."`
	Yes bool `help:"Yes, end all links that this key has sealed."`
}

// Run forgets a key, and with it ends its links.
func (c *tokenKeyRetire) Run(std *streams) error {
	return c.change(std, func(keys []tokenKey) ([]tokenKey, error) {
		i, err := find(keys, c.ID)
		switch {
		case err != nil:
			return nil, err
		case i == 0:
			return nil, fmt.Errorf("id: key %d seals new links; let another one seal first", c.ID)
		case !c.Yes:
			return nil, fmt.Errorf("yes: every link that key %d has sealed ends for good; say so with --yes", c.ID)
		}
		return append(keys[:i:i], keys[i+1:]...), nil
	})
}
