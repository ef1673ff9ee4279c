package edge

import "bytes"

// PreviewBots says what becomes of programs that fetch a link so that somebody
// may see what is behind it.
type PreviewBots string

// The two ways to treat them.
const (
	// PreviewCount serves and counts them like anybody.
	PreviewCount PreviewBots = "count"
	// PreviewRefuse sends them no bytes of capped links. There is no third way:
	// what is served without being counted is free for whoever forges a header.
	PreviewRefuse PreviewBots = "refuse"
)

// previewAgents are parts of the User-Agent, in lower case, of what opens links in
// chats, mails and searches on its own.
var previewAgents = [][]byte{
	[]byte("facebookexternalhit"), []byte("facebot"), []byte("whatsapp"), []byte("twitterbot"), []byte("slackbot"), []byte("slack-imgproxy"),
	[]byte("discordbot"), []byte("telegrambot"), []byte("linkedinbot"), []byte("skypeuripreview"), []byte("microsoftpreview"), []byte("bingpreview"),
	[]byte("redditbot"), []byte("pinterestbot"), []byte("mastodon/"), []byte("viber"), []byte("line-poker"), []byte("vkshare"),
	[]byte("iframely"), []byte("embedly"), []byte("googlebot"), []byte("bingbot"), []byte("applebot"), []byte("yandexbot"), []byte("google-pagerenderer"),
	[]byte("safelinks"), []byte("barracuda"), []byte("proofpoint"), []byte("mimecast"),
}

// refusesPreview reports whether the request is one that would take a download
// for nobody. HEAD says what there is and sends no bytes.
func (e *Edge) refusesPreview(k *known, req *request) bool {
	return e.cfg.PreviewBots == PreviewRefuse && k.rec.Capped() && req.method == methodGet && (req.prefetch || isPreviewAgent(req.agent))
}

func isPreviewAgent(agent []byte) bool {
	agent = bytes.ToLower(agent)
	for _, part := range previewAgents {
		if bytes.Contains(agent, part) {
			return true
		}
	}
	return false
}

// isPrefetch reports whether a Sec-Purpose, Purpose or X-Moz header says that
// nobody has asked to see this yet.
func isPrefetch(value []byte) bool {
	value = bytes.ToLower(value)
	return bytes.Contains(value, []byte("prefetch")) || bytes.Contains(value, []byte("preview")) || bytes.Contains(value, []byte("prerender"))
}
