using System.Globalization;
using StackExchange.Redis;

namespace Clustron;

/// <summary>
/// A command and its arguments, not sent yet: what <c>Wrap</c>, transactions and <see cref="Once"/> take. Immutable.
/// </summary>
/// <remarks>
/// An argument is a <see cref="RedisKey"/> where it names a key, else a string, a number, bytes or a <see cref="RedisValue"/>, as in
/// <see cref="IDatabaseAsync.ExecuteAsync(string, object[])"/>.
/// </remarks>
public sealed class Command
{
    private readonly object[] _arguments;

    private Command(string name, object[] arguments)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (name.AsSpan().IndexOfAny(' ', '\t', '\n') >= 0)
            throw new ArgumentException($"'{name}' is more than one word: a subcommand is the first argument.", nameof(name));
        foreach (object? argument in arguments)
            ArgumentNullException.ThrowIfNull(argument, nameof(arguments));
        Name = name;
        _arguments = arguments;
    }

    /// <summary>The first word: <c>SET</c>, <c>LOCK</c>.</summary>
    public string Name { get; }

    /// <summary>What follows it.</summary>
    public IReadOnlyList<object> Arguments => _arguments;

    /// <summary>Any command: <c>Command.Of("HSET", (RedisKey)"job:1", "state", "done")</c>.</summary>
    /// <exception cref="ArgumentException">The name is no single word, or an argument is null.</exception>
    public static Command Of(string name, params object[] arguments) => new(name, [.. arguments]);

    /// <summary><c>GET key</c></summary>
    public static Command Get(RedisKey key) => new("GET", [key]);

    /// <summary><c>SET key value</c> with the options that are given.</summary>
    public static Command Set(RedisKey key, RedisValue value, PutOptions? options = null)
    {
        var arguments = new List<object> { key, value };
        options?.AppendTo(arguments);
        return new("SET", [.. arguments]);
    }

    /// <summary><c>DEL key</c></summary>
    public static Command Delete(RedisKey key) => new("DEL", [key]);

    /// <summary><c>DEL key</c> if it is at that revision, else nothing (<c>DELEX key IFREV n</c>).</summary>
    public static Command DeleteIfRevision(RedisKey key, long revision) => new("DELEX", [key, "IFREV", revision]);

    /// <summary><c>INCRBY key by</c></summary>
    public static Command Increment(RedisKey key, long by = 1) => new("INCRBY", [key, by]);

    /// <summary><c>HSET key field value</c></summary>
    public static Command HashSet(RedisKey key, RedisValue field, RedisValue value) => new("HSET", [key, field, value]);

    /// <summary><c>HGET key field</c></summary>
    public static Command HashGet(RedisKey key, RedisValue field) => new("HGET", [key, field]);

    /// <summary><c>HINCRBY key field by</c></summary>
    public static Command HashIncrement(RedisKey key, RedisValue field, long by = 1) => new("HINCRBY", [key, field, by]);

    /// <summary><c>OBJECT REVISION key</c></summary>
    public static Command Revision(RedisKey key) => new("OBJECT", ["REVISION", key]);

    /// <summary>How many words it has: what TXN calls argc.</summary>
    internal int Words => 1 + _arguments.Length;

    internal object[] ArgumentArray => _arguments;

    internal Command Under(string name, params object[] prefix) => new(name, [.. prefix, Name, .. _arguments]);

    internal void AppendTo(List<object> target)
    {
        target.Add(Name);
        target.AddRange(_arguments);
    }

    /// <summary>Its name and first argument, for logs: later ones may be values.</summary>
    public override string ToString() =>
        _arguments.Length == 0 ? Name : string.Create(CultureInfo.InvariantCulture, $"{Name} {_arguments[0]}");
}
