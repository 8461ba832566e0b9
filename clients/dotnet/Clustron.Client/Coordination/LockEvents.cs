using System.Globalization;
using StackExchange.Redis;

namespace Clustron;

/// <summary>What a lock's channel tells.</summary>
internal enum LockEventKind
{
    Sync,
    Granted,
    Released,
    Expired,
    Broken,
}

/// <param name="Kind">What happened.</param>
/// <param name="Ticket">Of a grant from the queue.</param>
/// <param name="Token">Whose; of a sync the revision.</param>
/// <param name="Owner">Of a grant.</param>
internal readonly record struct LockEvent(LockEventKind Kind, long? Ticket, long Token, string Owner);

internal static class LockEvents
{
    public static RedisValue Channel(int database, string name) => string.Create(CultureInfo.InvariantCulture, $"__lock@{database}__:{name}");

    /// <summary>Null: it is none of the known ones (of a later server, perhaps).</summary>
    public static LockEvent? Parse(string? message)
    {
        string[] words = (message ?? "").Split(' ', 5);
        return words switch
        {
            ["sync", var revision, ..] when Number(revision) is { } n => new LockEvent(LockEventKind.Sync, null, n, ""),
            ["granted", var ticket, var token, _, var owner] when Number(token) is { } n => new LockEvent(LockEventKind.Granted, Number(ticket), n, owner),
            ["granted", var ticket, var token, _] when Number(token) is { } n => new LockEvent(LockEventKind.Granted, Number(ticket), n, ""),
            ["released", var token] when Number(token) is { } n => new LockEvent(LockEventKind.Released, null, n, ""),
            ["expired", var token] when Number(token) is { } n => new LockEvent(LockEventKind.Expired, null, n, ""),
            ["broken", var token] when Number(token) is { } n => new LockEvent(LockEventKind.Broken, null, n, ""),
            _ => null,
        };
    }

    /// <summary>The holder with this token holds it no more.</summary>
    public static bool IsEndOf(string? message, string token) =>
        Parse(message) is { Kind: LockEventKind.Released or LockEventKind.Expired or LockEventKind.Broken } e
        && e.Token.ToString(CultureInfo.InvariantCulture) == token;

    private static long? Number(string word) => long.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out long n) ? n : null;
}
