package producer

// What foreign bytes go through first, and how long a notice looks for its job.
var (
	DecodeParked = decodeParked
	DecodeLetter = decodeDead
	ReadReply    = readReply
	PushDelay    = pushDelay
)

// Firing is the message that lets a parked one fire.
var Firing = firing

// BatchMessages is how many messages one request brings.
const BatchMessages = batchMessages

// MySQLConfig is what the driver is told.
var MySQLConfig = mysqlConfig
