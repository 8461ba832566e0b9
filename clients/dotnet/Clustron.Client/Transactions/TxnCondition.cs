using StackExchange.Redis;

namespace Clustron;

/// <summary>How two values are compared: two integers as numbers, everything else byte by byte.</summary>
public enum Comparison
{
    /// <summary>=</summary>
    Equal,

    /// <summary>!= (also true of what is absent)</summary>
    NotEqual,

    /// <summary>&lt;</summary>
    Less,

    /// <summary>&lt;=</summary>
    LessOrEqual,

    /// <summary>&gt;</summary>
    Greater,

    /// <summary>&gt;=</summary>
    GreaterOrEqual,
}

/// <summary>A condition of a one-shot transaction. Immutable.</summary>
public sealed class TxnCondition
{
    private readonly object[] _words;

    private TxnCondition(params object[] words) => _words = words;

    /// <summary>There is such a key.</summary>
    public static TxnCondition Exists(RedisKey key) => new("EXISTS", key);

    /// <summary>There is no such key.</summary>
    public static TxnCondition Absent(RedisKey key) => new("ABSENT", key);

    /// <summary>The key's revision; 0 of one that is absent.</summary>
    public static TxnCondition Revision(RedisKey key, long revision, Comparison comparison = Comparison.Equal) =>
        new("REV", key, Sign(comparison), revision);

    /// <summary>The string at a key.</summary>
    public static TxnCondition Value(RedisKey key, RedisValue value, Comparison comparison = Comparison.Equal) =>
        new("VALUE", key, Sign(comparison), value);

    /// <summary>How many elements, or bytes, the value has; 0 if there is no key.</summary>
    public static TxnCondition Length(RedisKey key, long length, Comparison comparison = Comparison.Equal) =>
        new("LEN", key, Sign(comparison), length);

    /// <summary>A field of a hash.</summary>
    public static TxnCondition Field(RedisKey key, RedisValue field, RedisValue value, Comparison comparison = Comparison.Equal) =>
        new("FIELD", key, field, Sign(comparison), value);

    /// <summary>The key is attached to that lease.</summary>
    public static TxnCondition HasLease(RedisKey key, string leaseId) => new("LEASE", key, leaseId);

    /// <summary>The lock is held by that token: its guard is open to the transaction.</summary>
    public static TxnCondition Holds(RedisKey name, long token) => new("LOCK", name, token);

    /// <summary>The lock is still held by this handle: its guard is open to the transaction.</summary>
    public static TxnCondition Holds(LockHandle handle) => Holds(handle.Name, handle.Token);

    /// <summary>The lease lives.</summary>
    public static TxnCondition LeaseAlive(string leaseId) => new("ALIVE", leaseId);

    internal void AppendTo(List<object> target) => target.AddRange(_words);

    private static string Sign(Comparison comparison) => comparison switch
    {
        Comparison.Equal => "=",
        Comparison.NotEqual => "!=",
        Comparison.Less => "<",
        Comparison.LessOrEqual => "<=",
        Comparison.Greater => ">",
        Comparison.GreaterOrEqual => ">=",
        _ => throw new ArgumentOutOfRangeException(nameof(comparison), comparison, null),
    };
}
