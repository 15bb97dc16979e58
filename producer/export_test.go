package producer

// What foreign bytes go through first.
var (
	DecodeParked = decodeParked
	DecodeLetter = decodeDead
	ReadReply    = readReply
)

// Firing is the message that lets a parked one fire.
var Firing = firing

// BatchMessages is how many messages one request brings.
const BatchMessages = batchMessages

// MySQLConfig is what the driver is told.
var MySQLConfig = mysqlConfig
