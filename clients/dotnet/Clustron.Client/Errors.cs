using System.Globalization;
using StackExchange.Redis;

namespace Clustron;

/// <summary>An error that the server answered, or that a command had no answer. <see cref="Code"/> is its first word.</summary>
public class ClustronException : Exception
{
    internal ClustronException(string code, string message, Exception? inner = null) : base(message, inner) => Code = code;

    /// <summary>The fixed word that the server's error begins with: <c>LOCKED</c>, <c>WRONGTYPE</c>, <c>ERR</c>.</summary>
    public string Code { get; }
}

/// <summary>
/// The command may have taken effect, or may still: its answer was lost, or the server said <c>UNCERTAIN</c>. Ask, or send it with a
/// <see cref="RequestId"/> from the start, so that it can be repeated.
/// </summary>
public sealed class UncertainException : ClustronException
{
    internal UncertainException(string message, Exception? inner = null) : base("UNCERTAIN", message, inner) { }
}

/// <summary>No majority or no node was in reach within the time. The command certainly did not take effect, and will not.</summary>
public sealed class UnavailableException : ClustronException
{
    internal UnavailableException(string code, string message, Exception? inner = null) : base(code, message, inner) { }
}

/// <summary>A lock that somebody else holds guards a key that was to be written. Nothing was done.</summary>
public sealed class LockedException : ClustronException
{
    internal LockedException(string message, Exception? inner = null) : base("LOCKED", message, inner) { }
}

/// <summary>The token is not a holder's any more. Nothing was done: whoever gets this lost the lock.</summary>
public sealed class FencedException : ClustronException
{
    internal FencedException(string message, long current, Exception? inner = null) : base("FENCED", message, inner) => CurrentToken = current;

    /// <summary>The token of whoever holds the lock now; 0: nobody does.</summary>
    public long CurrentToken { get; }
}

/// <summary>The lease is gone. Nothing was done.</summary>
public sealed class NoLeaseException : ClustronException
{
    internal NoLeaseException(string message, Exception? inner = null) : base("NOLEASE", message, inner) { }
}

/// <summary>The transaction is unknown: it was not applied, and will not be.</summary>
public sealed class NoTransactionException : ClustronException
{
    internal NoTransactionException(string message, Exception? inner = null) : base("NOTXN", message, inner) { }
}

/// <summary>The history does not reach back so far: read the state anew.</summary>
public sealed class CompactedException : ClustronException
{
    internal CompactedException(string message, long oldest, Exception? inner = null) : base("COMPACTED", message, inner) => OldestRevision = oldest;

    /// <summary>The oldest revision to go on from.</summary>
    public long OldestRevision { get; }
}

/// <summary>What an error means for whoever thinks of sending the command again.</summary>
internal enum Outcome
{
    /// <summary>The server said no, and will again.</summary>
    Refused,

    /// <summary>It did not happen: any command may be sent again.</summary>
    NotApplied,

    /// <summary>It may have happened, or may yet.</summary>
    Unknown,
}

internal static class Errors
{
    public const string NoAnswer = "no node answered {0} within {1} ms: it may have taken effect";
    public const string Unreachable = "{0}: no node could be reached within {1} ms; nothing was done";
    public const string UnexpectedReply = "the server's answer to {0} is not what it should be: {1}";

    /// <summary>The first word of an error if it is in capitals, else ERR.</summary>
    public static string CodeOf(string message)
    {
        int end = message.IndexOf(' ');
        string word = end < 0 ? message : message[..end];
        return word.Length > 0 && word.All(c => c is >= 'A' and <= 'Z') ? word : "ERR";
    }

    public static Outcome Judge(Exception error) => error switch
    {
        RedisServerException server => CodeOf(server.Message) switch
        {
            "CLUSTERDOWN" or "LOADING" or "TRYAGAIN" or "MASTERDOWN" or "BUSY" => Outcome.NotApplied,
            "UNCERTAIN" => Outcome.Unknown,
            _ => Outcome.Refused,
        },
        // What the multiplexer had not written when the connection broke is never sent. (A time-out may be of what is yet to be.)
        RedisConnectionException { CommandStatus: CommandStatus.WaitingToBeSent or CommandStatus.WaitingInBacklog } => Outcome.NotApplied,
        RedisConnectionException { FailureType: ConnectionFailureType.UnableToConnect or ConnectionFailureType.UnableToResolvePhysicalConnection }
            => Outcome.NotApplied,
        // Of the pipe to a connection that has just broken: the multiplexer tells it as it comes.
        InvalidOperationException { Source: "System.IO.Pipelines" } => Outcome.Unknown,
        RedisException or TimeoutException or IOException or OperationCanceledException => Outcome.Unknown,
        _ => Outcome.Refused,
    };

    /// <summary>A refusal as the exception that callers get.</summary>
    public static Exception Typed(Exception error)
    {
        if (error is not RedisServerException server) return error;
        string message = server.Message;
        string code = CodeOf(message);
        return code switch
        {
            "LOCKED" => new LockedException(message, error),
            "FENCED" => new FencedException(message, NumberBehind(message, "current="), error),
            "NOLEASE" => new NoLeaseException(message, error),
            "NOTXN" => new NoTransactionException(message, error),
            "COMPACTED" => new CompactedException(message, NumberBehind(message, "COMPACTED "), error),
            "UNCERTAIN" => new UncertainException(message, error),
            "CLUSTERDOWN" or "LOADING" or "BUSY" => new UnavailableException(code, message, error),
            _ => new ClustronException(code, message, error),
        };
    }

    public static ClustronException Unexpected(Command command, RedisResult reply) =>
        new("ERR", string.Format(CultureInfo.InvariantCulture, UnexpectedReply, command, reply));

    private static long NumberBehind(string message, string mark)
    {
        int at = message.IndexOf(mark, StringComparison.Ordinal);
        if (at < 0) return 0;
        int begin = at + mark.Length, end = begin;
        while (end < message.Length && char.IsAsciiDigit(message[end])) ++end;
        return long.TryParse(message.AsSpan(begin, end - begin), NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : 0;
    }
}
