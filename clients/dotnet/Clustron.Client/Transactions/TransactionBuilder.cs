using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron;

/// <summary>What a one-shot transaction did.</summary>
/// <param name="Succeeded">All conditions held: the Then branch ran, else the Else branch.</param>
/// <param name="Revision">Of everything that it wrote.</param>
/// <param name="Replies">Of the branch's commands, in order. Empty if the server had kept only the outcome of a repeated one.</param>
public sealed record TransactionResult(bool Succeeded, long Revision, IReadOnlyList<RedisResult> Replies);

/// <summary>
/// A one-shot transaction: IF conditions THEN commands ELSE commands, in one round trip and one entry of the log. A command that fails takes
/// everything back and its error is thrown. Not thread-safe; each is used once.
/// </summary>
public sealed class TransactionBuilder
{
    private readonly Executor? _executor;
    private readonly List<TxnCondition> _conditions = [];
    private readonly List<Command> _then = [];
    private readonly List<Command> _else = [];

    internal TransactionBuilder(Executor? executor = null) => _executor = executor;

    /// <summary>All conditions must hold for the Then branch.</summary>
    public TransactionBuilder If(params TxnCondition[] conditions)
    {
        _conditions.AddRange(conditions);
        return this;
    }

    /// <summary>Commands that run if the conditions hold.</summary>
    public TransactionBuilder Then(params Command[] commands)
    {
        _then.AddRange(commands);
        return this;
    }

    /// <summary>Commands that run if one does not.</summary>
    public TransactionBuilder Else(params Command[] commands)
    {
        _else.AddRange(commands);
        return this;
    }

    /// <summary>The TXN command, for <c>Wrap</c> and <see cref="Once"/>.</summary>
    /// <exception cref="InvalidOperationException">There is no command in the Then branch.</exception>
    public Command ToCommand()
    {
        if (_then.Count == 0) throw new InvalidOperationException("A transaction needs a command in its Then branch.");
        var words = new List<object>();
        if (_conditions.Count > 0)
        {
            words.Add("IF");
            words.Add(_conditions.Count);
            foreach (TxnCondition condition in _conditions) condition.AppendTo(words);
        }
        Append(words, "THEN", _then);
        if (_else.Count > 0) Append(words, "ELSE", _else);
        return Command.Of("TXN", [.. words]);
    }

    /// <summary>Runs it. With a request id it is repeated until its outcome is known.</summary>
    public async Task<TransactionResult> ExecuteAsync(RequestId? request = null, CancellationToken cancellation = default)
    {
        if (_executor is null) throw new InvalidOperationException("This transaction belongs to no client: take one from Transactions.Create().");
        Command command = ToCommand();
        return Read(command, await _executor.WriteAsync(command, request, cancellation).ConfigureAwait(false));
    }

    /// <summary>Runs it where it only reads: all at one revision (which is the result's), repeated until it is answered.</summary>
    public async Task<TransactionResult> ReadAsync(CancellationToken cancellation = default)
    {
        if (_executor is null) throw new InvalidOperationException("This transaction belongs to no client: take one from Transactions.Create().");
        Command command = ToCommand();
        return Read(command, await _executor.AskAsync(command, Repeat.Read, cancellation).ConfigureAwait(false));
    }

    internal static TransactionResult Read(Command command, RedisResult reply)
    {
        // A stored reply that was too large is told as "DONE <rev>": only a branch that ran can have one.
        if (!reply.IsArray() && reply.Text() is { } text && text.StartsWith("DONE ", StringComparison.Ordinal))
            return new TransactionResult(true, long.Parse(text.AsSpan(5), System.Globalization.CultureInfo.InvariantCulture), []);
        RedisResult[] parts = reply.Array(command, 3);
        IReadOnlyList<RedisResult> replies = parts[2].IsArray() ? parts[2].Array(command) : [];
        return new TransactionResult((long)parts[0] == 1, (long)parts[1], replies);
    }

    private static void Append(List<object> words, string branch, List<Command> commands)
    {
        words.Add(branch);
        words.Add(commands.Count);
        foreach (Command command in commands)
        {
            words.Add(command.Words);
            command.AppendTo(words);
        }
    }
}
