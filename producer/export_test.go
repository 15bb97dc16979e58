package producer

// What foreign bytes go through first.
var (
	DecodeParked = decodeParked
	DecodeLetter = decodeDead
	ReadReply    = readReply
)

// BatchMessages is how many messages one request brings.
const BatchMessages = batchMessages
